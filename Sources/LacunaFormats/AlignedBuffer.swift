// 64-byte aligned memory of trivially copyable elements: one cache line, one AVX-512 register.

/// A fixed-length, 64-byte aligned, zero-filled block of memory.
///
/// A reference type: sharing one is sharing the memory. The value types of this module keep one
/// each and copy it before a write when it is shared. Not `Sendable`, as
/// `UnsafeMutableBufferPointer` is not: who writes the elements, and when, is its owner's business.
public final class AlignedBuffer<Element: BitwiseCopyable> {
  /// Alignment of the first element, in bytes.
  public static var alignment: Int { 64 }

  /// The elements.
  public let elements: UnsafeMutableBufferPointer<Element>

  /// Memory for `count` elements, all bytes zero.
  public convenience init(count: Int) {
    self.init(uninitialized: count)
    let bytes = max(count * MemoryLayout<Element>.stride, 1)
    UnsafeMutableRawPointer(elements.baseAddress!).initializeMemory(
      as: UInt8.self, repeating: 0, count: bytes)
  }

  /// Memory for `count` elements that the caller writes before anyone reads them.
  package init(uninitialized count: Int) {
    precondition(count >= 0, "AlignedBuffer of \(count) elements")
    let memory = allocateStream(byteCount: count * MemoryLayout<Element>.stride)
    elements = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Element.self, capacity: count), count: count)
  }

  deinit { UnsafeMutableRawPointer(elements.baseAddress!).deallocate() }

  /// Pointer to the first element.
  public var pointer: UnsafeMutablePointer<Element> { elements.baseAddress! }
  /// Number of elements.
  public var count: Int { elements.count }

  /// A copy in memory of its own.
  public func copy() -> AlignedBuffer {
    let other = AlignedBuffer(uninitialized: count)
    other.pointer.update(from: pointer, count: count)
    return other
  }
}
