// Elements of a tensor in the order of its matrix [out, in], and a matrix's mask back into the tensor.

import LacunaFormats
import LacunaIO
import LacunaPruning

extension MatrixView {
  /// The elements row by row of the matrix.
  package func matrixOrder<T: BitwiseCopyable>(_ values: [T], shape: [Int]) -> [T] {
    if isIdentity { return values }
    return [T](unsafeUninitializedCapacity: values.count) { target, filled in
      values.withUnsafeBytes { copy(UnsafeRawBufferPointer($0), to: target, shape: shape) }
      filled = values.count
    }
  }

  /// Copies the elements of a tensor row by row of the matrix. Not checked: there are as many on both sides.
  func copy<T: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, to target: UnsafeMutableBufferPointer<T>, shape: [Int]
  ) {
    if isIdentity {
      UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
      return
    }
    let size = MemoryLayout<T>.stride
    var filled = 0
    forEachRun(of: shape) { offset, step, count in
      var place = offset * size
      for _ in 0..<count {
        target[filled] = source.loadUnaligned(fromByteOffset: place, as: T.self)
        place += step * size
        filled += 1
      }
    }
  }

  /// Overwrites the elements that the mask of the matrix drops.
  ///
  /// - Parameters:
  ///   - bytes: The elements of the tensor, `width` bytes each.
  ///   - zero: The bytes that stand for zero, by the element's place in the tensor; nil for zeros.
  package func drop(
    _ mask: BitMask, from bytes: inout [UInt8], shape: [Int], width: Int,
    zero: ((Int) -> UInt8)? = nil
  ) {
    let (columns, words) = (mask.columns, mask.wordsPerRow)
    mask.words.withUnsafeBufferPointer { kept in
      bytes.withUnsafeMutableBytes { target in
        var (row, column) = (0, 0)
        forEachRun(of: shape) { offset, step, count in
          var place = offset
          for _ in 0..<count {
            if kept[row * words + column >> 6] >> UInt64(column & 63) & 1 == 0 {
              for byte in place * width..<(place + 1) * width { target[byte] = zero?(place) ?? 0 }
            }
            place += step
            column += 1
            if column == columns { (row, column) = (row + 1, 0) }
          }
        }
      }
    }
  }
}

extension ModelTensor {
  /// The number that stands for zero where it is not a byte of zeros, by the element's place.
  package var zeroByte: (@Sendable (Int) -> UInt8)? {
    guard type == .i8 || type == .u8, let quantization, !quantization.isSymmetric else {
      return nil
    }
    let points = quantization.zeroPoints.map { UInt8(truncatingIfNeeded: $0) }
    guard points.count > 1, let axis = quantization.axis else { return { _ in points[0] } }
    let (inner, size) = (shape[(axis + 1)...].reduce(1, *), shape[axis])
    return { points[$0 / inner % size] }
  }
}

/// The weights of a tensor as the matrix [out, in], in memory of their own: f64 as f64, all else as f32.
struct ViewedWeights {
  private let weights: WeightBuffer
  private let shape: [Int]

  /// - Throws: `FileError/malformed(path:_:)`
  init(_ file: ModelFile, _ index: Int, _ view: MatrixView) throws(FileError) {
    let (tensor, bytes) = (file.tensors[index], try file.content(index))
    let (rows, columns) = view.size(of: tensor.shape)
    shape = [rows, columns]
    func ordered<T: BitwiseCopyable>(
      _ source: UnsafeRawBufferPointer
    ) -> UnsafeMutableBufferPointer<T> {
      let memory = UnsafeMutableBufferPointer<T>.allocate(capacity: rows * columns)
      view.copy(source, to: memory, shape: tensor.shape)
      return memory
    }
    switch (tensor.type, tensor.quantization) {
    case (.f64, nil): weights = .f64(bytes.withUnsafeBytes { ordered($0) })
    case (.f32, nil): weights = .f32(bytes.withUnsafeBytes { ordered($0) })
    default: weights = .f32(try file.numbers(index).withUnsafeBytes { ordered($0) })
    }
  }

  func tensor(name: String) throws(PruningError) -> PrunableTensor {
    switch weights {
    case .f32(let weights): try PrunableTensor(name: name, weights: weights, shape: shape)
    case .f64(let weights): try PrunableTensor(name: name, weights: weights, shape: shape)
    }
  }

  /// Weights that are zero.
  var zeros: Int {
    switch weights {
    case .f32(let weights): weights.count { $0 == 0 }
    case .f64(let weights): weights.count { $0 == 0 }
    }
  }

  func deallocate() {
    switch weights {
    case .f32(let weights): weights.deallocate()
    case .f64(let weights): weights.deallocate()
    }
  }
}
