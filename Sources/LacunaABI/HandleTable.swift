// Tokens for C in place of pointers: token → object, safe against a second destroy and a forged
// value.

import Synchronization

/// What a handle stands for; part of the token, so that a plan is never taken for a matrix.
enum HandleKind: UInt64 {
  case matrix = 1
  case plan = 2
  case model = 3
  case calibration = 4
  case convolution = 5
  case recurrent = 6
  case graph = 7
  case graphPlan = 8

  var name: String {
    switch self {
    case .matrix: "matrix"
    case .plan: "plan"
    case .model: "model"
    case .calibration: "calibration"
    case .convolution: "convolution"
    case .recurrent: "recurrent network"
    case .graph: "graph"
    case .graphPlan: "graph plan"
    }
  }
}

/// All live handles of the process.
///
/// A token is never dereferenced. Its bits are
///
///     63        32 31           4 3    0
///     generation    slot + 1       kind
///
/// and the slot's state word counts who is using the object:
///
///     63        32   31    30     29     0
///     generation    live  dying   users
///
/// `use` adds a user and then looks whether generation and live bit are as the token says. Nothing
/// here takes a lock: a child that is forked at any moment finds a table it can use. `destroy`
/// turns live into dying; whoever removes the last user of a dying slot raises the generation and
/// releases the object. So a destroyed token is recognised for the next 2³² objects in that slot,
/// and an object that another thread is using outlives its handle.
enum HandleTable {
  private struct Slot: ~Copyable {
    let state = Atomic<UInt64>(0)
    /// While the slot is free: the next free one as in `firstFree`, without the count.
    let next = Atomic<UInt64>(0)
    var object: Unmanaged<AnyObject>?
    var kind: UInt64 = 0
  }

  private static let live: UInt64 = 1 << 31
  private static let dying: UInt64 = 1 << 30
  private static let userMask: UInt64 = (1 << 30) - 1
  /// Slots per chunk and chunks: 2²⁴ handles, and 32 KiB before the first one.
  private static let chunkBits = 12
  private static let chunks = 1 << 12

  /// The first free slot plus 1, 0 for none, in the low half; above it a count of changes, so that
  /// a thread that looked long ago does not take what was given and given back meanwhile.
  private static let firstFree = Atomic<UInt64>(0)
  /// Slots that were ever used.
  private static let used = Atomic<Int>(0)
  /// Pointers to chunks, as integers; 0 where none was made yet. Chunks live as long as the
  /// process.
  // Sound: the memory is initialised once, under the global's own `once`, and only holds atomics.
  nonisolated(unsafe) private static let chunkTable: UnsafeMutablePointer<Atomic<UInt>> = {
    let table = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: chunks)
    for i in 0..<chunks { (table + i).initialize(to: Atomic(0)) }
    return table
  }()

  private static func slot(_ index: Int) -> UnsafeMutablePointer<Slot>? {
    if index >> chunkBits >= chunks { return nil }
    let chunk = chunkTable[index >> chunkBits].load(ordering: .acquiring)
    guard let base = UnsafeMutablePointer<Slot>(bitPattern: chunk) else { return nil }
    return base + (index & ((1 << chunkBits) - 1))
  }

  /// The slot's index taken from the free ones or from those never used; nil when there is none.
  private static func takeSlot() -> Int? {
    var head = firstFree.load(ordering: .acquiring)
    while head & 0xffff_ffff != 0 {
      let index = Int(head & 0xffff_ffff) - 1
      let next = slot(index).unsafelyUnwrapped.pointee.next.load(ordering: .relaxed)
      let (taken, now) = firstFree.weakCompareExchange(
        expected: head, desired: changed(head, to: next), ordering: .acquiringAndReleasing)
      if taken { return index }
      head = now
    }
    var index = used.load(ordering: .relaxed)
    while index < chunks << chunkBits {
      let (taken, now) = used.weakCompareExchange(
        expected: index, desired: index + 1, ordering: .relaxed)
      if taken {
        makeChunk(index >> chunkBits)
        return index
      }
      index = now
    }
    return nil
  }

  private static func giveBackSlot(_ index: Int) {
    var head = firstFree.load(ordering: .relaxed)
    while true {
      slot(index).unsafelyUnwrapped.pointee.next.store(head & 0xffff_ffff, ordering: .relaxed)
      let (given, now) = firstFree.weakCompareExchange(
        expected: head, desired: changed(head, to: UInt64(index + 1)),
        ordering: .acquiringAndReleasing)
      if given { return }
      head = now
    }
  }

  private static func changed(_ head: UInt64, to first: UInt64) -> UInt64 {
    (head & ~0xffff_ffff &+ 1 << 32) | first
  }

  /// Makes a chunk unless it is there. Of two threads that try, one gives its own up.
  private static func makeChunk(_ number: Int) {
    if chunkTable[number].load(ordering: .acquiring) != 0 { return }
    let chunk = UnsafeMutablePointer<Slot>.allocate(capacity: 1 << chunkBits)
    for i in 0..<1 << chunkBits { (chunk + i).initialize(to: Slot()) }
    let (made, _) = chunkTable[number].compareExchange(
      expected: 0, desired: UInt(bitPattern: chunk), ordering: .acquiringAndReleasing)
    if !made {
      chunk.deinitialize(count: 1 << chunkBits)
      chunk.deallocate()
    }
  }

  /// A new token for `object`, or nil when all slots are taken.
  static func insert(_ object: AnyObject, _ kind: HandleKind) -> OpaquePointer? {
    guard let index = takeSlot(), let slot = slot(index) else { return nil }
    slot.pointee.object = Unmanaged.passRetained(object)
    slot.pointee.kind = kind.rawValue
    let state = slot.pointee.state.add(live, ordering: .acquiringAndReleasing).newValue
    let token = state & ~0xffff_ffff | UInt64(index + 1) << 4 | kind.rawValue
    return OpaquePointer(bitPattern: UInt(token))
  }

  /// Calls `body` with the object behind `token`; throws when there is none of that kind.
  @inline(__always)
  static func use<Object: AnyObject, R>(
    _ token: OpaquePointer?, _ kind: HandleKind, as type: Object.Type,
    _ body: (Object) throws(Failure) -> R
  ) throws(Failure) -> R {
    let slot = try pin(token, kind)
    defer { unpin(slot, index: (Int(bitPattern: token) & 0xffff_ffff) >> 4 - 1) }
    let object = slot.pointee.object.unsafelyUnwrapped.takeUnretainedValue()
    return try body(unsafeDowncast(object, to: type))
  }

  /// Ends the life of `token`. The object goes now, or when its last user leaves.
  static func destroy(_ token: OpaquePointer?, _ kind: HandleKind) throws(Failure) {
    if token == nil { return }
    let slot = try pin(token, kind)
    defer { unpin(slot, index: (Int(bitPattern: token) & 0xffff_ffff) >> 4 - 1) }
    var state = slot.pointee.state.load(ordering: .relaxed)
    while state & live != 0 {
      let (exchanged, original) = slot.pointee.state.weakCompareExchange(
        expected: state, desired: state ^ live | dying, ordering: .acquiringAndReleasing)
      if exchanged { return }
      state = original
    }
    throw stale(kind)
  }

  private static func stale(_ kind: HandleKind) -> Failure {
    Failure(
      .invalidHandle,
      "this \(kind.name) handle was destroyed before, never existed, or is of another kind")
  }

  /// Adds a user to the slot of `token`. The caller removes it with `unpin`.
  private static func pin(
    _ token: OpaquePointer?, _ kind: HandleKind
  ) throws(Failure) -> UnsafeMutablePointer<Slot> {
    guard let token else { throw Failure(.nullPointer, "the \(kind.name) handle is NULL") }
    let bits = UInt64(UInt(bitPattern: token))
    let index = Int((bits & 0xffff_ffff) >> 4) - 1
    guard bits & 15 == kind.rawValue, index >= 0, let slot = slot(index) else { throw stale(kind) }
    let state = slot.pointee.state.add(1, ordering: .acquiring).newValue
    if state >> 32 == bits >> 32, state & live != 0, slot.pointee.kind == kind.rawValue {
      return slot
    }
    unpin(slot, index: index)
    throw stale(kind)
  }

  private static func unpin(_ slot: UnsafeMutablePointer<Slot>, index: Int) {
    let state = slot.pointee.state.subtract(1, ordering: .acquiringAndReleasing).newValue
    if state & dying == 0 || state & userMask != 0 { return }
    // A stale token may add itself for an instant; then its own unpin comes here again.
    let next = (state >> 32 &+ 1) << 32
    if slot.pointee.state.compareExchange(
      expected: state, desired: next, ordering: .acquiringAndReleasing
    ).exchanged {
      let object = slot.pointee.object.unsafelyUnwrapped
      slot.pointee.object = nil
      giveBackSlot(index)
      object.release()
    }
  }
}
