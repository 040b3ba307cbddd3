// The kernel table as lines to print: every row of the build, and which of them this table calls.

/// One row of the kernel table, as `lacuna info --kernels` prints it.
public struct KernelListing: Hashable, Sendable, Codable {
  /// Such as "spmm-4x1-f32-v4".
  public let name: String
  /// What it computes; the shape that it is for, empty when there is only one; its element type.
  public let operation: String, variant: String, dtype: String
  /// The instruction set it was compiled for, "reference" for the plain twin.
  public let isa: String
  /// Whether this processor executes it.
  public let isAvailable: Bool
  /// Whether the table that was asked calls it: no better one is there.
  public let isChosen: Bool
}

extension Kernel {
  /// Whether this processor executes it.
  public var isAvailable: Bool { isa.map(ISA.available.contains) ?? true }
}

extension KernelTable {
  /// Every row of ``all``, in its order.
  public var listing: [KernelListing] {
    Self.all.map { row in
      KernelListing(
        name: row.name, operation: row.operation.rawValue, variant: row.variant,
        dtype: row.types.name, isa: row.isa?.rawValue ?? "reference",
        isAvailable: row.isAvailable,
        isChosen: kernel(row.operation, variant: row.variant, types: row.types)?.name == row.name)
    }
  }
}
