// The bytes of a .lacuna file, versions 1 to 3: header, directory, sections.
//
//        0 ┌──────────────────────────────────────────────┐
//          │ header, 64 bytes                             │
//       64 ├──────────────────────────────────────────────┤
//          │ directory: metadata section, tensor records  │
//          ├──────────────────────────────────────────────┤
//          │ zeros up to a multiple of 64, if the next    │
//          │ section is raw                               │
//          ├──────────────────────────────────────────────┤
//          │ section                                      │
//          ├──────────────────────────────────────────────┤
//          │ …                                            │
//          └──────────────────────────────────────────────┘ file length
//
// All numbers are little-endian. The header:
//
//      0  8  magic 89 4C 43 4E 0D 0A 1A 0A  (\x89 L C N \r \n \x1A \n: what a text-mode copy breaks)
//      8  4  version, 1; 2 if a tensor's kind is 7 or a codec 6; 3 if a kind is 8 to 11
//     12  4  flags, 0
//     16  8  length of the file
//     24  8  length of the directory
//     32  4  number of tensors
//     36  4  CRC-32 of the directory
//     40 20  zeros
//     60  4  CRC-32 of the 60 bytes before
//
// The directory is the section entry of the metadata, then one record for each tensor:
//
//     u16 length of the name, the name in UTF-8
//     u8  kind (`TensorKind`)                     u8  rank
//     u64 dimension, rank times
//     u64 rows  u64 columns                       of the matrix; 0 0 for kinds 0 and 1
//     u32 block rows  u32 block columns           1 1 unless the kind is a block-sparse one
//     u64 stored entries (blocks, if blocks)      for kinds 0 and 1 the number of elements
//     u8  number of sections, then their entries
//
// A section entry:
//
//     u8 role (`SectionRole`)  u8 codec (`SectionCodec`)  u16 zero
//     u32 CRC-32 of the section's bytes
//     u64 offset in the file
//     u64 length in bytes
//     u64 number of elements it decodes to
//
// Sections lie in the file in the order of the directory, without gaps and overlaps: a raw one starts
// at the next multiple of 64, so that a mapped file can be used in place, any other one where the last
// one ended. The file ends with its last section. Every byte is covered by a checksum or known to be
// zero: a change of any byte is an error.

import LacunaFormats

/// Constants of the layout.
enum ContainerLayout {
  static let magic: [UInt8] = [0x89, 0x4C, 0x43, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Version 2 adds kind 7 and codec 6, version 3 kinds 8 to 11; files without them stay readable by readers of the
  /// versions before.
  static let versions: ClosedRange<UInt32> = 1...3
  static let headerLength = 64
  static let alignment = 64
  static let highestRank = 32

  /// The most elements that a section of `length` bytes may decode to.
  ///
  /// A false count cannot allocate more than this; an encoder whose output is smaller than its share
  /// (a million equal values) has to append zeros, or store the section raw.
  static func highestCount(length: Int) -> Int { 1 << 16 + length.clampedMultiple(of: 256) }

  /// The least length of a section that may hold `count` elements.
  static func lowestLength(count: Int) -> Int { (max(count, 1 << 16) - 1 << 16 + 255) / 256 }
}

extension Int {
  /// `self · factor`, or a quarter of the largest number when that does not fit.
  fileprivate func clampedMultiple(of factor: Int) -> Int {
    self > .max / 4 / factor ? .max / 4 : self * factor
  }
}

extension TensorRecord {
  /// The first version of the layout that has the kind and the codecs.
  var version: UInt32 {
    switch kind {
    case .bf16Sparse, .f16Sparse, .bf16BlockSparse, .f16BlockSparse: 3
    case .codebookSparse: 2
    case .bytes, .dense, .sparse, .quantizedSparse, .blockSparse, .quantizedBlockSparse, .bitMask:
      sections.contains { $0.codec == .gapClasses } ? 2 : 1
    }
  }
}

/// What a section holds.
public enum SectionRole: UInt8, Sendable {
  /// Key and value texts.
  case metadata = 0
  /// The values: f32, i8, 16 bits or codes by the tensor's kind, or bytes.
  case values = 1
  /// Which entries are stored.
  case positions = 2
  /// The scale of each row, f32.
  case scales = 3
  /// The values that codes stand for, f32.
  case codebook = 4
}

/// How a section's bytes are coded.
public enum SectionCodec: UInt8, Sendable {
  /// The elements' memory, little-endian.
  case raw = 0
  /// One deflate stream (RFC 1951) of the elements' memory.
  case deflate = 1
  /// Positions as LEB128 numbers: for each row its count, then the gaps before each entry.
  case gaps = 2
  /// Positions by arithmetic coding, slot by slot, under a model of rows, columns and neighbours.
  case slots = 3
  /// Bytes by arithmetic coding with a table for each class of rows.
  case rowClasses = 4
  /// f32 values, or 16-bit ones that were widened: sign, exponent and the top of the fraction by arithmetic coding.
  case floatHeads = 5
  /// Positions as the zeros before each entry, by arithmetic coding with a table for each class of rows. Since
  /// version 2 of the layout.
  case gapClasses = 6
}

/// Where a section is and what it holds.
public struct SectionRecord: Equatable, Sendable {
  /// What the section holds.
  public let role: SectionRole
  /// How its bytes are coded.
  public let codec: SectionCodec
  /// CRC-32 of the section's bytes.
  public let checksum: UInt32
  /// Bytes from the start of the file.
  public let offset: Int
  /// Bytes in the file.
  public let length: Int
  /// Elements after decoding.
  public let count: Int

  static let entryLength = 32
}

/// One tensor of the directory: what there is to know without decoding it.
public struct TensorRecord: Equatable, Sendable {
  /// The tensor's name, unique in the file.
  public let name: String
  /// The form that the tensor is stored in.
  public let kind: TensorKind
  /// Dimensions, outermost first; of a mask its rows and columns, of bytes their number.
  public let shape: [Int]
  /// Rows of the matrix, 0 when the tensor is not stored as one.
  public let rows: Int
  /// Columns of the matrix, 0 when the tensor is not stored as one.
  public let columns: Int
  /// The block's shape; a single element unless the kind is a block-sparse one.
  public let block: BlockSize
  /// Stored entries: nonzeros, ones of a mask, blocks, or all elements of a dense tensor.
  public let entries: Int
  /// The parts that the tensor is stored in.
  public let sections: [SectionRecord]

  /// Number of elements of the tensor, stored or not.
  public var elementCount: Int { shape.reduce(1, *) }
  /// Number of stored elements: of blocks, all of their cells.
  public var storedCount: Int { entries * block.area }
  /// Zeros over all elements as far as the structure tells, 0 for dense tensors and bytes.
  public var sparsity: Double {
    let count = elementCount
    return rows == 0 || count == 0 ? 0 : max(0, 1 - Double(storedCount) / Double(count))
  }
  /// Bytes of all sections in the file.
  public var byteCount: Int { sections.reduce(0) { $0 + $1.length } }

  /// Bytes in the file that hold `role`.
  public func byteCount(of role: SectionRole) -> Int {
    sections.reduce(0) { $0 + ($1.role == role ? $1.length : 0) }
  }

  /// Values in the tensor's codebook; nil for a tensor without one.
  public var codebookCount: Int? { sections.first { $0.role == .codebook }?.count }

  /// The section of that role.
  func section(_ role: SectionRole) throws(DataProblem) -> SectionRecord {
    guard let section = sections.first(where: { $0.role == role }) else {
      throw .absent(what: "the \(role) section of \(name)")
    }
    return section
  }
}
