// Memory that is there before it is used, and costs nothing until then.

import LacunaFormats
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct AvailableMemoryTests {
  #if os(Linux)
    /// Pages of `memory` that the machine keeps.
    private func residentPages(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) -> Int {
      let page = Int(getpagesize())
      var states = [UInt8](repeating: 0, count: (byteCount + page - 1) / page)
      #expect(mincore(memory, byteCount, &states) == 0, "mincore: error \(errno)")
      return states.count { $0 & 1 == 1 }
    }

    @Test func `A gigabyte that nobody touches takes no memory, and a touched place little`() {
      let count = 1 << 30
      let memory = allocateUntouched(count)
      defer { deallocateUntouched(memory, count) }
      #expect(residentPages(memory, count) == 0)
      (memory + count / 2).storeBytes(of: 7, as: Int.self)
      // One page, or a huge one where the system gives those.
      #expect((1...512).contains(residentPages(memory, count)))
      #expect(memory.load(fromByteOffset: count / 2, as: Int.self) == 7)
      #expect(memory.load(as: Int.self) == 0)
    }
  #endif

  @Test(arguments: [1, 63, 4096, (1 << 20) - 1, 1 << 20, 5 << 20])
  func `Pieces of any size can be written and given back`(count: Int) {
    let memory = allocateUntouched(count)
    #expect(Int(bitPattern: memory) % 64 == 0)
    memory.initializeMemory(as: UInt8.self, repeating: 9, count: count)
    #expect(memory.load(fromByteOffset: count - 1, as: UInt8.self) == 9)
    deallocateUntouched(memory, count)
  }

  @Test func `What no machine has is not there`() {
    #expect(!AvailableMemory.has(1 << 60))
    #expect(AvailableMemory.has(0) && AvailableMemory.has(1 << 16))
    #expect(AvailableMemory.bytes > 1 << 20)
  }
}
