// Plans of 8-bit weights in a blob: the weights as bytes, a scale for each row, and what activations and results are.

import CLacuna
import LacunaFormats
import LacunaOperations

func emit(_ core: PlanCore, _ source: PlanObject.QuantizedWeights, to out: inout BlobWriter) {
  var header = BlobHeader(
    core, elementType: LCN_I8, activation: source.epilogue.activation,
    hasBias: source.epilogue.bias != nil, excludesDense: source.excludesDense, isUpdatable: false)
  let (pattern, values, scales): (CSRPattern, [Int8], [Float])
  switch source.weights {
  case .csr(let w):
    (header.format, pattern, values, scales) = (LCN_CSR, w.pattern, w.values, w.scales)
  case .bsr(let w):
    (header.format, pattern, values, scales) = (LCN_BSR, w.blockPattern, w.values, w.scales)
    header.block = w.block
  }
  (header.entries, header.isWide) = (pattern.nnz, pattern.isWide)
  source.quantization.set(&header.options)
  header.write(to: &out)
  out.put(pattern)
  out.put(scales)
  out.put(values)
  out.put(source.epilogue.bias ?? [])
}

func readQuantized(_ reader: inout BlobReader, _ header: BlobHeader) throws(Failure) -> PlanObject {
  let request = try header.request()
  guard let quantization = request.quantization else { throw damaged("its weights have no type") }
  let (rows, columns) = header.shape
  let weights: QuantizedMatrix
  func bytes(_ count: Int) throws(Failure) -> [Int8] {
    let values = try reader.take(count, Int8.self)
    if values.contains(.min) { throw damaged("a weight is −128, must be in −127…127") }
    return values
  }
  switch header.format {
  case LCN_CSR:
    let pattern = try reader.pattern(header, rows, columns)
    let scales = try reader.take(rows, Float.self)
    let values = try bytes(pattern.nnz)
    weights = .csr(
      try Failure.format { () throws(FormatError) in
        try QuantizedCSR(pattern: pattern, values: values, scales: scales)
      })
  case LCN_BSR:
    let grid = header.block.grid(rows: rows, columns: columns)
    let pattern = try reader.pattern(header, grid.rows, grid.columns)
    let scales = try reader.take(rows, Float.self)
    let values = try bytes(try product(pattern.nnz, header.block.area, "values"))
    weights = .bsr(
      try Failure.format { () throws(FormatError) in
        try QuantizedBSR(
          rows: rows, columns: columns, block: header.block, blockPattern: pattern, values: values,
          scales: scales)
      })
  default: throw damaged("its format is \(header.format), of 8-bit weights")
  }
  try checkDense(header, stored: weights.stored)
  let bias = header.hasBias ? try reader.take(rows, Float.self) : nil
  return try choosing(request) { (request) throws(Failure) in
    try makePlan(weights, request, quantization, bias: bias)
  }
}
