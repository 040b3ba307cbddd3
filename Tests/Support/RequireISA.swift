// Tests of an instruction set that this processor lacks are skipped where people see it.

import Lacuna
import Testing

/// Cancels the running test, or this case of it, unless the processor executes `isa`.
public func require(_ isa: ISA) throws {
  if !ISA.available.contains(isa) { try Test.cancel("this processor cannot execute \(isa)") }
}
