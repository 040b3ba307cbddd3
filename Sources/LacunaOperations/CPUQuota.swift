// min over a process's control groups of ⌊quota / period⌋: how many processors a container lets it
// keep busy.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whole processors that the CPU quotas of this process's control groups pay for, at least 1; nil
/// where none is limited, and on systems without control groups.
///
/// A group's limit holds for the groups inside it too, so all are read from the process's own up to
/// the mount point, in version 1 (`cpu.cfs_quota_us`) and version 2 (`cpu.max`). Rounded down: a
/// thread more than the quota pays for is stopped in the middle of a product, and the others wait
/// for it.
///
/// - Parameter root: a folder that stands for `/`, for tests.
package func processorsOfQuota(root: String = "") -> Int? {
  guard let mounts = textFile(root + "/proc/self/mountinfo"),
    let memberships = textFile(root + "/proc/self/cgroup")
  else { return nil }
  var least: Int?
  for mount in mounts.split(separator: "\n").compactMap(ControlGroupMount.init) {
    for membership in memberships.split(separator: "\n") {
      // hierarchy:controllers:path, where version 2 has hierarchy 0 and names no controllers.
      let fields = membership.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      if fields.count < 3 { continue }
      let isThis =
        mount.isVersion2
        ? fields[1].isEmpty : fields[1].split(separator: ",").contains("cpu")
      if !isThis { continue }
      for folder in mount.folders(of: String(fields[2])) {
        if let processors = quota(of: root + folder, isVersion2: mount.isVersion2) {
          least = min(least ?? processors, processors)
        }
      }
    }
  }
  return least
}

/// A place where a hierarchy of control groups that can limit processors is mounted.
private struct ControlGroupMount {
  let isVersion2: Bool
  /// The group that is seen at the mount point.
  let group: String
  let point: String

  /// From a line of `mountinfo`; nil for other file systems and controllers.
  ///
  ///     36 35 98:0 /group /point rw,noatime master:1 - type source options
  init?(_ line: Substring) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
      return nil
    }
    switch fields[dash + 1] {
    case "cgroup2": isVersion2 = true
    case "cgroup" where fields[dash + 3].split(separator: ",").contains("cpu"): isVersion2 = false
    default: return nil
    }
    (group, point) = (unescaped(fields[3]), unescaped(fields[4]))
  }

  /// The folders of a group and of all groups around it that can be seen, innermost first.
  func folders(of path: String) -> [String] {
    var inside: Substring = ""
    if group == "/" {
      inside = path[...]
    } else if path.hasPrefix(group + "/") {
      inside = path.dropFirst(group.count)
    }
    var parts = inside.split(separator: "/")
    // A group outside of what this mount shows.
    if parts.contains("..") { parts = [] }
    var result: [String] = []
    while true {
      result.append(([point] + parts.map(String.init)).joined(separator: "/"))
      if parts.popLast() == nil { return result }
    }
  }
}

/// The quota of one group in whole processors, nil for none.
private func quota(of folder: String, isVersion2: Bool) -> Int? {
  let numbers: [Substring]
  if isVersion2 {
    numbers = words(textFile(folder + "/cpu.max"))
  } else {
    numbers =
      words(textFile(folder + "/cpu.cfs_quota_us")) + words(textFile(folder + "/cpu.cfs_period_us"))
  }
  // "max" or -1 for no limit.
  guard numbers.count == 2, let quota = Int(numbers[0]), let period = Int(numbers[1]),
    quota > 0, period > 0
  else { return nil }
  return max(1, quota / period)
}

private func words(_ text: String?) -> [Substring] {
  (text ?? "").split { $0 == " " || $0 == "\n" }
}

/// A field of `mountinfo`, in which blanks, line ends and backslashes stand as `\040` and the like.
private func unescaped(_ field: Substring) -> String {
  var bytes: [UInt8] = []
  var rest = field.utf8[...]
  while let byte = rest.first {
    if byte == UInt8(ascii: "\\"), rest.count >= 4,
      let code = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8)
    {
      bytes.append(code)
      rest = rest.dropFirst(4)
    } else {
      bytes.append(byte)
      rest = rest.dropFirst()
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// The contents of a small file, nil when it cannot be read.
private func textFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  if descriptor < 0 { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  // A thousand mounts take 200 KB.
  while bytes.count < 16 << 20 {
    let block = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = max(read(descriptor, buffer.baseAddress, buffer.count), 0)
    }
    if block.isEmpty { break }
    bytes += block
  }
  return String(decoding: bytes, as: UTF8.self)
}
