// Tables that kernels read, made once.

import LacunaFormats

/// Numbers at an address that stays.
// Sound to share: nothing is written after the initialiser.
final class KeptArray<Element: BitwiseCopyable>: @unchecked Sendable {
  private let memory: AlignedBuffer<Element>

  init(_ values: [Element]) {
    memory = AlignedBuffer(count: values.count)
    _ = memory.elements.update(fromContentsOf: values)
  }

  var pointer: UnsafePointer<Element> { UnsafePointer(memory.pointer) }
  var count: Int { memory.elements.count }
}
