// Foundation and the C library for a whole tool: without the time zones and languages of the full Foundation,
// which would make the installed tool, where everything is linked in, three times larger.

#if canImport(FoundationEssentials)
  @_exported import FoundationEssentials
  @_exported import Glibc
#else
  @_exported import Foundation
#endif
