import Diagnostics

extension Site {
    /// The site without its nodes, groups and unknown machines, wherever it is written: what holds for as long as a server runs.
    public var frame: Site {
        let nowhere = SourcePosition(file: "", line: 0, column: 0)
        var frame = self
        frame.nodes = []
        frame.groups = []
        frame.unknown = UnknownMachines(answer: .nothing)
        for place in networks.indices {
            frame.networks[place].position = nowhere
            for relayed in networks[place].relayed.indices {
                frame.networks[place].relayed[relayed].position = nowhere
            }
        }
        for place in systems.indices { frame.systems[place].position = nowhere }
        frame.https?.certificate.position = nowhere
        frame.https?.key.position = nowhere
        return frame
    }
}
