// The first 256 bytes of a plan's blob.

import CLacuna
import LacunaFormats
import LacunaOperations

/// The numbers of a plan, in the order in which a blob holds them, little-endian:
///
///     0     magic, version u32, size of the header u32, length of the blob u64, checksum of what follows u64
///     32    element type, format, layout, threads, activation, wide indices, bias, flags: u32 each
///     64    bounds of a clamp: f64 each
///     80    width, rows, columns, rows and columns of a block, entries: i64 each
///     128   name of the kernel, zeros behind it
///     192   of 8-bit weights: activations, range, zero point, one scale, output, its zero point: i32 each; scales
///           of activations and of the output: f64 each; zeros otherwise
struct BlobHeader {
  static let size = 256
  static let checksumAt = 24
  /// Behind magic, version, size, length and checksum.
  static let start = 32
  private static let magic: UInt64 = 0x004e_414c_504e_434c  // "LCNPLAN\0"
  private static let kernelAt = 128, quantizationAt = 192
  /// Blobs of 8-bit weights came with version 2, those of 16-bit ones with version 3; the others are as before.
  private static let versions: ClosedRange<UInt32> = 1...3

  var elementType = 0, format = 0
  var isWide = false, hasBias = false
  var shape = (rows: 0, columns: 0), block = BlockSize.element
  var entries = 0
  /// Everything that a plan is asked for, but bias and kernel.
  var options = lcn_plan_options()
  var kernel = ""

  var isQuantized: Bool { elementType == LCN_I8 }
  private var version: UInt32 {
    switch elementType {
    case LCN_I8: 2
    case LCN_BF16, LCN_F16: 3
    default: 1
    }
  }

  /// The header of a plan; what its matrix is like is left to the caller.
  init(
    _ core: PlanCore, elementType: Int, activation: Activation, hasBias: Bool, excludesDense: Bool,
    isUpdatable: Bool
  ) {
    self.elementType = elementType
    self.hasBias = hasBias
    shape = (core.rows, core.columns)
    kernel = core.body.name
    options.layout = Int32(core.layout == .columns ? LCN_COLUMNS : LCN_ROWS)
    options.threads = Int32(core.threads)
    options.width = Int64(core.width)
    options.exclude_dense = excludesDense ? 1 : 0
    options.updatable = isUpdatable ? 1 : 0
    switch activation {
    case .none: options.activation = Int32(LCN_ACTIVATION_NONE)
    case .relu: options.activation = Int32(LCN_ACTIVATION_RELU)
    case .clamp(let lower, let upper):
      options.activation = Int32(LCN_ACTIVATION_CLAMP)
      (options.clamp_lower, options.clamp_upper) = (lower, upper)
    case .hardSwish: options.activation = Int32(LCN_ACTIVATION_HARD_SWISH)
    case .silu: options.activation = Int32(LCN_ACTIVATION_SILU)
    }
  }

  /// Length and checksum stay zeros.
  func write(to out: inout BlobWriter) {
    let o = options
    out.put(Self.magic)
    out.put(version)
    out.put(UInt32(Self.size))
    out.put(UInt64(0))
    out.put(UInt64(0))
    for number in [Int32(elementType), Int32(format), o.layout, o.threads, o.activation] {
      out.put(number)
    }
    out.put(UInt32(isWide ? 1 : 0))
    out.put(UInt32(hasBias ? 1 : 0))
    out.put(UInt32(o.exclude_dense | o.updatable << 1 | o.allow_bf16_activations << 2))
    out.put(o.clamp_lower)
    out.put(o.clamp_upper)
    out.put(o.width)
    for number in [shape.rows, shape.columns, block.rows, block.columns, entries] {
      out.put(Int64(number))
    }
    let name = [UInt8](kernel.utf8.prefix(Self.quantizationAt - Self.kernelAt - 1))
    out.put(name + [UInt8](repeating: 0, count: Self.quantizationAt - Self.kernelAt - name.count))
    for number in [
      o.activations, o.range, o.zero_point, o.one_scale, o.output, o.output_zero_point,
    ] { out.put(number) }
    out.put(o.activation_scale)
    out.put(o.output_scale)
    out.align()
  }

  /// Reads the header; the checksum of what follows is right, every number of it is still to be checked.
  init(_ reader: inout BlobReader) throws(Failure) {
    let length = reader.bytes.count
    if try reader.take(UInt64.self) != Self.magic { throw damaged("it has another magic") }
    let version = try reader.take(UInt32.self)
    if !Self.versions.contains(version) {
      throw Failure(
        .unsupported,
        "the blob has version \(version), this library reads \(Self.versions.lowerBound) to "
          + "\(Self.versions.upperBound)")
    }
    if try reader.take(UInt32.self) != UInt32(Self.size) {
      throw damaged("its header has another size")
    }
    let size = try reader.take(UInt64.self)
    if size != UInt64(length) { throw damaged("it has \(length) bytes and says \(size)") }
    let sum = try reader.take(UInt64.self)
    let body = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.position...])
    if sum != checksum(body) { throw damaged("its checksum disagrees") }

    elementType = Int(try reader.take(Int32.self))
    if self.version != version {
      throw damaged("its element type is \(elementType) in version \(version)")
    }
    format = Int(try reader.take(Int32.self))
    options.layout = try reader.take(Int32.self)
    options.threads = try reader.take(Int32.self)
    options.activation = try reader.take(Int32.self)
    isWide = try reader.take(UInt32.self) != 0
    hasBias = try reader.take(UInt32.self) != 0
    let flags = try reader.take(Int32.self)
    if !(0...7).contains(flags) { throw damaged("its flags are \(flags)") }
    (options.exclude_dense, options.updatable) = (flags & 1, flags >> 1 & 1)
    options.allow_bf16_activations = flags >> 2
    options.clamp_lower = try reader.take(Double.self)
    options.clamp_upper = try reader.take(Double.self)
    options.width = try reader.take(Int64.self)
    options.deterministic = 1
    shape.rows = try dimension(try reader.take(Int64.self), "rows")
    shape.columns = try dimension(try reader.take(Int64.self), "columns")
    block = try blockSize(try reader.take(Int64.self), try reader.take(Int64.self))
    let entries = try reader.take(Int64.self)
    if entries < 0 || entries > Int64(Int.max / 16) { throw damaged("it has \(entries) entries") }
    self.entries = Int(entries)
    let name = try reader.take(Self.quantizationAt - Self.kernelAt, UInt8.self)
    kernel = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    if isQuantized {
      options.weights = Int32(LCN_I8)
      options.activations = try reader.take(Int32.self)
      options.range = try reader.take(Int32.self)
      options.zero_point = try reader.take(Int32.self)
      options.one_scale = try reader.take(Int32.self)
      options.output = try reader.take(Int32.self)
      options.output_zero_point = try reader.take(Int32.self)
      options.activation_scale = try reader.take(Double.self)
      options.output_scale = try reader.take(Double.self)
    }
    reader.position = Self.size
  }

  /// What a plan is asked for, checked; the kernel is the saved one.
  func request() throws(Failure) -> PlanRequestFromC {
    var request = try PlanRequestFromC(options)
    request.options.kernel = kernel
    return request
  }
}
