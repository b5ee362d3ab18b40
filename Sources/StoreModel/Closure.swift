/// Objects together with all they refer to, directly or not.
public struct Closure: Sendable, Equatable {
    /// Where the walk began.
    public let roots: Set<StorePath>
    /// Every object reached, the roots included.
    public let registrations: [StorePath: PathRegistration]
    /// Every path after those it refers to; deterministic.
    public let order: [StorePath]

    /// Walks from `roots` through what `registration` knows; a path it does not know throws, named with who needs it.
    public init(
        of roots: Set<StorePath>, registration: (StorePath) throws -> PathRegistration?
    ) throws {
        var registrations: [StorePath: PathRegistration] = [:]
        var order: [StorePath] = []
        // An explicit stack: a chain of references may be longer than the thread's stack allows.
        var stack: [(path: StorePath, pending: [StorePath])] = []

        func enter(_ path: StorePath, neededBy parent: StorePath?) throws {
            guard let found = try registration(path) else {
                let need = parent.map { ", which \($0) refers to" } ?? ""
                throw StoreModelError("'\(path)'", "is not in the store\(need)", kind: .failed)
            }
            registrations[path] = found
            stack.append((path, found.references.subtracting([path]).sorted(by: >)))
        }

        for root in roots.sorted() where registrations[root] == nil {
            try enter(root, neededBy: nil)
            while let top = stack.last {
                if let next = stack[stack.count - 1].pending.popLast() {
                    if registrations[next] == nil { try enter(next, neededBy: top.path) }
                } else {
                    order.append(top.path)
                    stack.removeLast()
                }
            }
        }
        self.roots = roots
        self.registrations = registrations
        self.order = order
    }

    /// Bytes of all NAR serialisations.
    public var narSize: Int { registrations.values.reduce(0) { $0 + $1.narSize } }
}
