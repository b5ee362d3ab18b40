import BootPolicy
import BootProtocols

/// What the page asks of the server.
extension ServerState {
    func report() -> SiteReport {
        let now = surroundings.now()
        return withPageData { policy, attempts, _ in
            let nodes = attempts.report { policy.name(of: $0) }
            return SiteReport(
                nodes: Array(nodes.prefix(SiteReport.mostNodes)), nodeCount: nodes.count,
                systems: policy.systemReports(attempts), strangers: policy.strangers(), now: now.seconds)
        }
    }

    /// Every boot that is remembered of a machine, with its timeline, the newest first.
    func boots(of node: MACAddress) -> [BootAttempt] {
        withPageData { _, attempts, _ in attempts.all.filter { $0.node == node }.reversed() }
    }

    func metrics(started: Duration) -> String {
        let lost = recordsLost
        let ignored = Dictionary(
            uniqueKeysWithValues: self.ignored.counts.map {
                ([$0.key.transport.rawValue, $0.key.reason], Double($0.value))
            })
        return withPageData { policy, attempts, metrics in
            let all = attempts.all
            return metrics.text(
                .init(
                    underWay: all.count { $0.outcome == .running }, nodes: Set(all.map(\.node)).count,
                    recordsLost: lost, generations: policy.generations.mapValues(\.rollout.generation),
                    ignored: ignored,
                    started: started.seconds))
        }
    }

    /// What has changed since the last call: machines, and the systems or the strangers if they have.
    func takeChanges() -> (
        nodes: [SiteReport.Node], systems: [SiteReport.System]?, strangers: [SiteReport.Stranger]?
    ) {
        takeChanged { changed, policy, attempts in
            (
                changed.machines.isEmpty ? [] : attempts.report(of: changed.machines) { policy.name(of: $0) },
                changed.systems ? policy.systemReports(attempts) : nil,
                changed.strangers ? policy.strangers() : nil
            )
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
