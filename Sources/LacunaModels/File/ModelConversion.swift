// A model file into another format: every tensor, or the one matrix that the format holds.

import LacunaFormats
import LacunaIO

/// How the values of a tensor are written into a `.lacuna` file.
public enum CompressedValues: String, Sendable, CaseIterable, Codable {
  /// Single precision.
  case f32
  /// The upper half of it.
  case bf16
  /// Half precision.
  case f16
  /// 8-bit numbers with a scale for each row.
  case bits8 = "8"
  /// Numbers from −7 to 7 with a scale for each row, in as many bits as their frequencies ask for.
  case bits4 = "4"

  /// Values besides zero that there may be; nil for all.
  var most: Int? {
    switch self {
    case .f32, .bf16, .f16: nil
    case .bits8: CodebookCSR.mostCodes
    case .bits4: 16
    }
  }
}

extension ModelFile {
  /// The file's tensors in another format.
  ///
  /// Types stay where the format has them; quantised integers become the numbers that they stand for,
  /// since no format but their own knows the scales. Sparse tensors are stored sparse where the format
  /// can: scipy, Matrix Market, smtx and `.lacuna`.
  ///
  /// - Parameters:
  ///   - name: The only tensor that goes over, by its name; needed for formats of one matrix.
  ///   - parts: How safetensors hold matrices that become smaller by it; nil for dense.
  /// - Throws: `FileError/malformed(path:_:)`: the format cannot hold the tensors.
  package func converted(
    to format: ModelFormat, name: String? = nil, parts: SparsePartsForm? = nil
  ) throws(FileError) -> FileImage {
    do throws(DataProblem) {
      var made = try image(of: try chosen(name), format, parts)
      made.origin = path
      return made
    } catch { throw .malformed(path: path, error) }
  }

  private func image(
    of chosen: [Int], _ format: ModelFormat, _ parts: SparsePartsForm?
  ) throws(DataProblem) -> FileImage {
    switch format {
    case .safetensors: return try safetensors(chosen, parts)
    case .npz: return try npz(chosen)
    case .lacuna:
      var builder = ContainerBuilder(metadata: metadata)
      for index in chosen { try builder.append(try named(index, .f32)) }
      return FileImage(builder.parts())
    case .npy:
      var image = FileImage()
      image.append(.bytes(try NPY.encoded(try array(try only(chosen, format)))))
      return image
    case .scipy, .matrixMarket, .smtx:
      let index = try only(chosen, format)
      let kind: FileKind =
        format == .scipy ? .npz : format == .smtx ? .smtx : .matrixMarket
      return try MatrixModel.image(.matrix(.csr(try matrix(index))), kind)
    case .onnx, .tflite, .safetensorsIndex:
      throw .unsupported(
        what: "writing \(format.rawValue)",
        found: "from another format: there is no graph to put the weights into; it")
    }
  }

  /// Writes the tensors in another format, in one step, and gives the number of bytes.
  ///
  /// - Throws: `FileError`
  public func convert(
    to format: ModelFormat, name: String? = nil, parts: SparsePartsForm? = nil, output: String,
    progress: ((_ written: Int, _ all: Int) -> Void)? = nil
  ) throws(FileError) -> Int {
    try converted(to: format, name: name, parts: parts).write(to: output, progress: progress)
  }

  /// The file's tensors as a `.lacuna` file holds them.
  ///
  /// - Parameters:
  ///   - error: Put the tensors that get 8 or 4 bits on at most 255 or 16 values each, chosen by rate–distortion with
  ///     this error over all (`CodebookSearch`), in place of scales.
  ///   - values: How the values of a tensor are stored, by its name.
  /// - Throws: `FileError/malformed(path:_:)`: a value is not finite, a type is carried only, or the bits do
  ///   not suffice for the error.
  public func compressed(
    error: Double? = nil, _ values: (String) -> CompressedValues
  ) throws(FileError) -> LacunaFile {
    do throws(DataProblem) {
      guard let error else { return try container(Array(tensors.indices), values) }
      var file = try container(Array(tensors.indices)) { _ in .f32 }
      do throws(CodebookSearch.Failure) {
        try file.useCodebooks(error: error) { values($0).most }
      } catch { throw .unsupported(what: "few values:", found: "\(error)") }
      return file
    } catch { throw .malformed(path: path, error) }
  }

  /// The nonzeros of tensor `index` as the matrix [out, in].
  ///
  /// - Throws: `FileError/malformed(path:_:)`
  public func weights(_ index: Int) throws(FileError) -> CSRMatrix<Float> {
    do throws(DataProblem) { return try matrix(index) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Tensor `index` as the matrix [out, in], zeros too.
  ///
  /// - Throws: `FileError/malformed(path:_:)`
  public func denseWeights(_ index: Int) throws(FileError) -> DenseMatrix<Float> {
    let tensor = tensors[index]
    let values = tensor.view.matrixOrder(try numbers(index), shape: tensor.shape)
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    do throws(FormatError) {
      return try DenseMatrix(rows: rows, columns: columns, values: values)
    } catch { throw .malformed(path: path, .matrix(error)) }
  }

  private func chosen(_ name: String?) throws(DataProblem) -> [Int] {
    guard let name else { return Array(tensors.indices) }
    guard let index = tensors.firstIndex(where: { ByteName($0.name) == ByteName(name) }) else {
      let names = tensors.prefix(20).map(\.name).joined(separator: ", ")
      throw .absent(what: "tensor \(name) (there are: \(names.isEmpty ? "none" : names))")
    }
    return [index]
  }

  private func only(_ chosen: [Int], _ format: ModelFormat) throws(DataProblem) -> Int {
    let matrices =
      chosen.count == 1 ? chosen : chosen.filter { tensors[$0].shape.count >= 2 }
    if matrices.count != 1 {
      let names = matrices.prefix(20).map { tensors[$0].name }.joined(separator: ", ")
      throw .unsupported(
        what: "\(matrices.count) matrices as \(format.rawValue)",
        found: "without a name to choose one (there are: \(names.isEmpty ? "none" : names))")
    }
    return matrices[0]
  }

  /// A tensor in its own type, or as f32 where integers have a scale.
  private func array(_ index: Int) throws(DataProblem) -> NumericArray {
    let tensor = tensors[index]
    do throws(FileError) {
      if tensor.quantization != nil {
        let numbers = try numbers(index)
        return try reading { () throws(DataProblem) in
          try NumericArray(shape: tensor.shape, values: .f32(numbers))
        }
      }
      let bytes = try content(index)
      return try reading { () throws(DataProblem) in
        let flat = try TensorNumbers.array(bytes, tensor.type, tensor.name)
        return try NumericArray(shape: tensor.shape, values: flat.values)
      }
    } catch { throw error.problem }
  }

  private func reading<R>(_ body: () throws(DataProblem) -> R) throws(FileError) -> R {
    do throws(DataProblem) { return try body() } catch { throw .malformed(path: path, error) }
  }

  /// The nonzeros of a tensor as the matrix [out, in].
  package func matrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float> {
    do throws(FileError) {
      if let sparse = try sparseMatrix(index) { return sparse }
      let tensor = tensors[index]
      let values = tensor.view.matrixOrder(try numbers(index), shape: tensor.shape)
      let (rows, columns) = tensor.view.size(of: tensor.shape)
      return try reading { () throws(DataProblem) in
        do throws(FormatError) {
          return CSRMatrix(
            dense: try DenseMatrix(rows: rows, columns: columns, values: values))
        } catch { throw .matrix(error) }
      }
    } catch { throw error.problem }
  }

  /// Each array is read and deflated when its turn comes.
  private func npz(_ chosen: [Int]) throws(DataProblem) -> FileImage {
    var image = FileImage()
    let estimate = chosen.reduce(0) { $0 + tensors[$1].byteCount }
    image.append(
      .series(estimate: estimate) {
        var (writer, rest) = (ZipWriter(), chosen[...])
        return { () throws(DataProblem) in
          guard let index = rest.popFirst() else { return writer.finish() }
          let name = TensorName(tensors[index].name)
          return try writer.append(array: NPY.encoded(try array(index)), name)
        }
      })
    return image
  }

  /// Header first, then one tensor after the other, each read when its turn comes.
  private func safetensors(
    _ chosen: [Int], _ parts: SparsePartsForm?
  ) throws(DataProblem) -> FileImage {
    var pieces: [(name: TensorName, dtype: String, shape: [Int], piece: FileImage.Piece)] = []
    for index in chosen {
      let tensor = tensors[index]
      if tensor.quantization != nil {
        pieces.append(
          (
            TensorName(tensor.name), "F32", tensor.shape,
            .made(count: tensor.elementCount * 4) { () throws(DataProblem) in
              do throws(FileError) {
                return try numbers(index).withUnsafeBytes { [UInt8]($0) }
              } catch { throw error.problem }
            }
          ))
        continue
      }
      guard let code = tensor.type.safetensorsCode,
        let count = tensor.type.byteCount(of: tensor.elementCount)
      else {
        throw .unsupported(
          what: "\(tensor.name), of \(tensor.type.rawValue),", found: "in safetensors")
      }
      if let parts, let small = try smaller(index, code, parts) {
        for part in small {
          pieces.append((TensorName(part.name), part.dtype, part.shape, .bytes(part.bytes)))
        }
        continue
      }
      if let slice = slice(index), slice.count == count {
        pieces.append((TensorName(tensor.name), code, tensor.shape, .slice(slice)))
        continue
      }
      pieces.append(
        (
          TensorName(tensor.name), code, tensor.shape,
          .made(count: count) { () throws(DataProblem) in
            do throws(FileError) { return try content(index).array } catch { throw error.problem }
          }
        ))
    }
    return try .safetensors(metadata: metadata, pieces)
  }

  /// The arrays of a sparse weight; nil where it is no matrix of floats, or would not become smaller.
  private func smaller(
    _ index: Int, _ code: String, _ form: SparsePartsForm
  ) throws(DataProblem) -> [SparsePartsForm.Part]? {
    let tensor = tensors[index]
    guard tensor.shape.count == 2, tensor.type.isFloatingPoint, tensor.elementCount > 0 else {
      return nil
    }
    let bytes: [UInt8]
    do throws(FileError) { bytes = try content(index).array } catch { throw error.problem }
    // Two of four are no property of every weight.
    if form == .sparse24Bitmask {
      guard tensor.shape[1] % 4 == 0, let parts = try? form.parts(tensor, dtype: code, bytes) else {
        return nil
      }
      return parts
    }
    let parts = try form.parts(tensor, dtype: code, bytes)
    return parts.reduce(0) { $0 + $1.bytes.count } < bytes.count ? parts : nil
  }

  private func container(
    _ chosen: [Int], _ values: (String) -> CompressedValues
  ) throws(DataProblem) -> LacunaFile {
    var file = LacunaFile(metadata: metadata)
    for index in chosen {
      file.tensors.append(try named(index, values(tensors[index].name)))
    }
    return file
  }

  /// A tensor as a `.lacuna` file holds it; indices and labels keep their bytes.
  private func named(
    _ index: Int, _ values: CompressedValues
  ) throws(DataProblem) -> NamedTensor {
    let tensor = tensors[index]
    if tensor.type.isFloatingPoint || tensor.quantization != nil {
      return NamedTensor(name: tensor.name, tensor: try stored(index, values))
    }
    do throws(FileError) {
      return NamedTensor(name: tensor.name, tensor: .bytes(try content(index).array))
    } catch { throw error.problem }
  }

  /// The tensor sparse where that is smaller; its matrix is the tensor's own order, so that it can be
  /// put back.
  private func stored(
    _ index: Int, _ values: CompressedValues
  ) throws(DataProblem) -> StoredTensor {
    let tensor = tensors[index]
    let numbers: [Float]
    do throws(FileError) { numbers = try self.numbers(index) } catch { throw error.problem }
    let nonzeros = numbers.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
    let isSparse = tensor.shape.count >= 2 && !numbers.isEmpty && nonzeros * 4 < numbers.count * 3
    let isPacked = tensor.shape.count >= 2 && !numbers.isEmpty && (isSparse || values != .f32)
    do {
      let dense = try SparseTensor(shape: tensor.shape, values: numbers)
      if !isPacked { return .weights(dense) }
      let matrix = try packed(dense.matrix(of: Float.self).csr, values, tensor.name)
      return .weights(try matrix.shaped(tensor.shape))
    } catch let error as FormatError {
      throw .matrix(error)
    } catch { throw error as! DataProblem }
  }

  /// The nonzeros of a matrix in another type.
  private func packed(
    _ matrix: CSRMatrix<Float>, _ values: CompressedValues, _ name: String
  ) throws(DataProblem) -> SparseTensor {
    func rounded<Scalar: NarrowScalar>(_: Scalar.Type) throws(DataProblem) -> SparseTensor {
      let narrow = matrix.converted(to: Scalar.self)
      if let (large, _) = zip(matrix.values, narrow.values).first(where: {
        $0.0.isFinite && $0.1.widened.isInfinite
      }) {
        throw .unsupported(what: "\(name) in \(values.rawValue)", found: "\(large)")
      }
      return SparseTensor(narrow)
    }
    switch values {
    case .f32: return SparseTensor(matrix)
    case .bf16: return try rounded(BFloat16.self)
    case .f16: return try rounded(Float16.self)
    case .bits8, .bits4:
      do throws(QuantizationError) {
        return SparseTensor(try QuantizedCSR(quantizing: matrix, bits: values == .bits8 ? 8 : 4))
      } catch {
        throw .unsupported(what: "\(name) in \(values.rawValue) bits", found: "\(error)")
      }
    }
  }
}

extension TensorType {
  /// The type in safetensors; nil where it has none.
  var safetensorsCode: String? {
    switch self {
    case .bool: "BOOL"
    case .i8: "I8"
    case .u8: "U8"
    case .i16: "I16"
    case .u16: "U16"
    case .i32: "I32"
    case .u32: "U32"
    case .i64: "I64"
    case .u64: "U64"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f32: "F32"
    case .f64: "F64"
    case .f8e4m3: "F8_E4M3"
    case .f8e5m2: "F8_E5M2"
    case .f8e4m3fnuz: "F8_E4M3FNUZ"
    case .f8e5m2fnuz: "F8_E5M2FNUZ"
    case .f8e8m0: "F8_E8M0"
    case .f4e2m1: "F4"
    case .c64: "C64"
    case .i2, .u2, .i4, .u4, .c128, .text: nil
    }
  }
}
