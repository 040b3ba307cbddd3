// A container's CPU quota is found wherever its control groups are mounted.

import Foundation
import LacunaOperations
import Testing

/// A folder that looks like `/` to a process.
private final class Root {
  let path = NSTemporaryDirectory() + "lacuna-quota-\(UUID().uuidString)"

  init(mounts: String, groups: String, _ files: [String: String]) throws {
    try write("proc/self/mountinfo", mounts)
    try write("proc/self/cgroup", groups)
    for (name, contents) in files { try write(name, contents) }
  }

  private func write(_ name: String, _ contents: String) throws {
    let file = path + "/" + name
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try contents.write(toFile: file, atomically: false, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct CPUQuotaTests {
  static let version2 = """
    22 1 0:21 / /proc rw,relatime - proc proc rw
    29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate

    """
  static let version1 = """
    30 25 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
    31 25 0:28 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
    32 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct

    """

  @Test(
    arguments: [
      ("200000 100000\n", 2), ("150000 100000\n", 1), ("50000 100000\n", 1), ("max 100000\n", nil),
      ("350000 50000\n", 7), ("", nil), ("200000", nil), ("-5 100000", nil), ("200000 0", nil),
    ] as [(String, Int?)])
  func `cpu.max of the process's own group`(contents: String, processors: Int?) throws {
    let root = try Root(
      mounts: Self.version2, groups: "0::/\n", ["sys/fs/cgroup/cpu.max": contents])
    #expect(processorsOfQuota(root: root.path) == processors)
  }

  @Test func `The tightest of nested groups counts`() throws {
    let folder = "sys/fs/cgroup/system.slice/app.service"
    let root = try Root(
      mounts: Self.version2, groups: "0::/system.slice/app.service/worker\n",
      [
        "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
        "\(folder)/cpu.max": "800000 100000\n", "\(folder)/worker/cpu.max": "max 100000\n",
        "sys/fs/cgroup/other.slice/cpu.max": "100000 100000\n",
      ])
    #expect(processorsOfQuota(root: root.path) == 3)
  }

  @Test func `Version 1, controllers mounted together, beside an empty version 2`() throws {
    let groups = "12:memory:/a\n7:cpu,cpuacct:/a/b\n1:name=systemd:/c\n0::/d\n"
    func root(_ quota: String) throws -> Root {
      try Root(
        mounts: Self.version1, groups: groups,
        [
          "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
          "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
          "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": quota,
          "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        ])
    }
    let (limited, free) = (try root("400000\n"), try root("-1\n"))
    #expect(processorsOfQuota(root: limited.path) == 4)
    #expect(processorsOfQuota(root: free.path) == nil)
  }

  @Test func `A container that sees its own group at the mount point`() throws {
    let mount =
      "32 25 0:29 /docker/5f\\134x2d /sys/fs/cgroup/cpu\\040one rw - cgroup cgroup rw,cpu\n"
    let root = try Root(
      mounts: mount, groups: "4:cpu:/docker/5f\\x2d/inner\n",
      [
        "sys/fs/cgroup/cpu one/inner/cpu.cfs_quota_us": "600000\n",
        "sys/fs/cgroup/cpu one/inner/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu one/cpu.cfs_quota_us": "200000\n",
        "sys/fs/cgroup/cpu one/cpu.cfs_period_us": "100000\n",
      ])
    #expect(processorsOfQuota(root: root.path) == 2)
  }

  @Test(arguments: ["0::/../../elsewhere\n", "0::/\n", "0::/not/there\n"])
  func `A group that the mount does not show leaves the mount's own`(groups: String) throws {
    let root = try Root(
      mounts: Self.version2, groups: groups, ["sys/fs/cgroup/cpu.max": "500000 100000\n"])
    #expect(processorsOfQuota(root: root.path) == 5)
  }

  @Test func `Without control groups there is no limit`() throws {
    #expect(processorsOfQuota(root: "/nonexistent") == nil)
    let root = try Root(mounts: "garbage\n\n- -\n", groups: ":\n0\n", [:])
    #expect(processorsOfQuota(root: root.path) == nil)
  }

  @Test func `The pool has no more threads than quota and affinity allow`() {
    let cores = CPUInfo.current.cores
    #expect(cores >= 1)
    #expect(cores <= processorsOfQuota() ?? .max)
    #expect(ThreadPool.shared.threads == cores)
  }
}
