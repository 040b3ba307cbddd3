// Range asymmetric numeral systems: one 64-bit state holds the message as a number (Duda 2013).
//
// A symbol that owns `frequency` of 2^bits slots starting at `start` moves the state
//
//     encode   x ← (x / frequency) · 2^bits + start + x mod frequency
//     decode   slot = x mod 2^bits;  x ← frequency · (x / 2^bits) + slot − start
//
// and costs log2(2^bits / frequency) bits. The state stays in 2³²..<2⁶⁴ by moving 32-bit words to and
// from a stream. Decoding undoes encoding in reverse order, so the encoder runs backwards.
// Several lanes with states of their own share one stream: their chains of dependent
// multiplications overlap in the processor.

/// The states of all lanes and the words, while encoding.
struct RANSEncoder {
  static let lowest: UInt64 = 1 << 32
  private var states: [UInt64]
  // In the reverse of the order in which the decoder reads them.
  private var words: [UInt32] = []

  init(lanes: Int) { states = Array(repeating: Self.lowest, count: lanes) }

  /// Puts a symbol in front of everything that was put so far.
  ///
  /// - Precondition: `0 < frequency <= 1 << bits`
  @inline(__always)
  mutating func put(lane: Int, start: UInt64, frequency: UInt64, bits: UInt64) {
    var x = states[lane]
    // frequency == 1 << bits never needs a word: x / frequency · 2^bits is x rounded down.
    if frequency < 1 << bits, x >= frequency << (64 - bits) {
      words.append(UInt32(truncatingIfNeeded: x))
      x >>= 32
    }
    let (quotient, rest) = x.quotientAndRemainder(dividingBy: frequency)
    states[lane] = quotient << bits + start + rest
  }

  /// States, then words, in the order of reading.
  func finish(into writer: inout ByteWriter) {
    for state in states { writer.integer(state) }
    writer.append(memoryOf: Array(words.reversed()))
  }
}

/// Where a decoder's words come from: reading past the end gives zeros and is remembered.
struct RANSWords {
  private let words: UnsafeRawPointer
  private let count: Int
  private(set) var position = 0
  private(set) var isExhausted = false

  /// - Parameter bytes: whole words; they have to outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; nothing is read from it then.
    words = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
    count = bytes.count / 4
  }

  /// All words were read, and no more.
  var isAtEnd: Bool { position == count && !isExhausted }

  /// Brings a state back above its lowest value.
  @inline(__always)
  mutating func refill(_ state: inout UInt64) {
    if state < RANSEncoder.lowest {
      if position < count {
        let word = words.loadUnaligned(fromByteOffset: position * 4, as: UInt32.self)
        state = state << 32 | UInt64(UInt32(littleEndian: word))
        position += 1
      } else {
        isExhausted = true
        state = state << 32 | RANSEncoder.lowest
      }
    }
  }
}
