extension TFTP.ReadTransfer {
    /// What to do next: at most two actions, kept without memory of their own since there is one for every packet.
    public struct Actions: Equatable, Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
        private var one: Action?
        private var two: Action?

        static let none = Actions(nil, nil)

        init(_ one: Action?, _ two: Action? = nil) {
            self.one = one
            self.two = two
        }

        /// More than two would be lost.
        public init(arrayLiteral elements: Action...) {
            self.init(elements.first, elements.dropFirst().first)
        }

        public var startIndex: Int { 0 }
        public var endIndex: Int { two != nil ? 2 : one != nil ? 1 : 0 }

        public subscript(position: Int) -> Action {
            guard let action = position == 0 ? one : two else { preconditionFailure("no action \(position)") }
            return action
        }
    }
}
