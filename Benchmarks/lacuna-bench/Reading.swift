// The cost of looking at memory once: what a conversion or a selection cannot be faster than.

/// Reads every byte of a buffer.
@inline(never)
func readOnce(_ buffer: UnsafeRawBufferPointer) {
  var (a, b) = (SIMD8<UInt64>.zero, SIMD8<UInt64>.zero)
  var offset = 0
  while offset + 128 <= buffer.count {
    a |= buffer.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
    b |= buffer.loadUnaligned(fromByteOffset: offset + 64, as: SIMD8<UInt64>.self)
    offset += 128
  }
  var rest: UInt8 = 0
  while offset < buffer.count {
    rest |= buffer[offset]
    offset += 1
  }
  sink.pointee ^= (a | b).wrappedSum() &+ UInt64(rest)
}

// Sound: written by the one thread that measures, and never read.
private nonisolated(unsafe) let sink = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)

/// Keeps the optimiser from dropping the computation of `value`, which it must assume is looked at.
@inline(never)
@_optimize(none)
func keep<Value>(_ value: Value) {}
