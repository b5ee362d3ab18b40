import Synchronization

/// Bytes done of all, counted by several threads at once.
final class SharedProgress: Sendable {
    private let done = Mutex(0)
    private let all: Int
    private let report: Export.Progress

    init(of all: Int, _ report: @escaping Export.Progress) {
        self.all = all
        self.report = report
    }

    func add(_ count: Int) {
        let sum = done.withLock { done in
            done += count
            return done
        }
        report(sum, all)
    }
}
