// lacuna-fuzz --reader=NAME [options of libFuzzer] [folders]: searches inputs that break a claim.
//
// The main function is libFuzzer's; it leaves options with two dashes alone.

import FuzzRuntime
import FuzzTargets

/// The reader under test. Set before the first input, read by one thread.
nonisolated(unsafe) private var target: FuzzTarget!

/// Called once: chooses the target; without one, or with `--seeds`, there is no search.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutablePointer<CInt>, _: UnsafeMutableRawPointer) -> CInt {
  func option(_ name: String) -> String? {
    CommandLine.arguments.first { $0.hasPrefix("--\(name)=") }
      .map { String($0.dropFirst(name.count + 3)) }
  }
  guard let chosen = fuzzTargets.first(where: { $0.name == option("reader") }) else {
    end(listing: fuzzTargets.map(\.name))
  }
  if let folder = option("seeds"), let golden = option("golden") {
    do { try writeSeeds(of: chosen.name, golden: golden, to: folder) } catch {
      fatalError("\(chosen.name): \(error)")
    }
    end(listing: [])
  }
  target = chosen
  fuzz_watch_allocations()
  return 0
}

/// Called with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  fuzz_reset_allocations()
  do { _ = try target.accepts(input) } catch { fatalError("\(target.name): \(error)") }
  let (peak, highest) = (fuzz_peak_allocation(), target.memory(count))
  if peak > highest {
    fatalError(
      "\(target.name): \(peak) bytes in use for \(count) bytes of input, highest is \(highest)")
  }
  return 0
}
