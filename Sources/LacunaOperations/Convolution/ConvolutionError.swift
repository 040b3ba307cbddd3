// What can be wrong with the shape of a convolution: each case carries the numbers that disagree.

/// Why a convolution was refused before anything was packed.
public enum ConvolutionError: Error, Equatable, Sendable {
  /// Channels or filters are not a multiple of the groups.
  case groupsDoNotDivide(groups: Int, name: String, count: Int)
  /// An edge is padded by the kernel's whole extent or more: some windows would see nothing but padding.
  case paddingTooLarge(edge: String, padding: Int, extent: Int)
  /// The dilated kernel is larger than the padded image.
  case kernelOutsideImage(dimension: String, extent: Int, padded: Int)
  /// The kernel has more positions than indices can tell apart.
  case kernelTooLarge(height: Int, width: Int, maximum: Int)
  /// Images, results or weights have more elements than can be addressed.
  case tooManyElements(name: String, factors: [Int])
  /// A run of a convolution that adds a residual was given none, or the other way round.
  case residual(expected: Bool)
  /// New values were to be possible later: convolutions of several groups or of bytes keep theirs.
  case updatable
  /// Gradients on a pattern were asked for where they are not there.
  case gradients(strideY: Int, strideX: Int, groups: Int)
}

extension ConvolutionError: CustomStringConvertible {
  /// One line: which sizes do not fit, and their numbers.
  public var description: String {
    switch self {
    case .groupsDoNotDivide(let groups, let name, let count):
      "\(groups) groups do not divide \(count) \(name)"
    case .paddingTooLarge(let edge, let padding, let extent):
      "the padding of \(padding) at the \(edge) is not smaller than the kernel's extent of \(extent)"
    case .kernelOutsideImage(let dimension, let extent, let padded):
      "the dilated kernel has a \(dimension) of \(extent), the padded image one of \(padded)"
    case .kernelTooLarge(let height, let width, let maximum):
      "a kernel of \(height)×\(width) positions has more than \(maximum)"
    case .tooManyElements(let name, let factors):
      "\(name): " + factors.map { "\($0)" }.joined(separator: "·")
        + " elements are too many to address"
    case .residual(let expected):
      expected
        ? "the convolution adds a residual, and the run was given none"
        : "the convolution adds no residual, and the run was given one"
    case .updatable:
      "a convolution of several groups or of bytes keeps its values: it cannot be updatable"
    case .gradients(let strideY, let strideX, let groups):
      "gradients on a pattern are for stride 1 and one group, not for \(strideY)×\(strideX) and \(groups)"
    }
  }
}
