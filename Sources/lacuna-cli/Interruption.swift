// Ctrl-C and termination: the first asks the running command to stop at a whole step, the second ends it.

import Foundation
import Synchronization

/// Raised by the signal handler, which as a C function may only touch globals.
private let asked = Atomic<Bool>(false)

/// Whether somebody asked the tool to stop.
enum Interruption {
  /// Whether SIGINT or SIGTERM came since ``catchSignals()``.
  static var wasAsked: Bool { asked.load(ordering: .relaxed) }

  /// From now on the first SIGINT or SIGTERM only raises the flag; the next one ends the program.
  static func catchSignals() {
    // The handler may not run a lazy initialiser: touch the flag first.
    _ = wasAsked
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in asked.store(true, ordering: .relaxed) }
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
    for number in [SIGINT, SIGTERM] { sigaction(number, &action, nil) }
  }
}
