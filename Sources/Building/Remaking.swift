import LocalStore
import StoreModel

extension Realiser {
    /// Makes damaged objects again as far as the plan says how, whatever the store believes of them; inputs first.
    ///
    /// Their bytes must have been set aside (`LocalStore.setAside`), so that what is made takes their place. What else it
    /// needs and the store no longer has is fetched or built besides.
    /// - Returns: those that are there again, byte for byte, and why others are not. What the plan does not make is in neither.
    public func remake(
        _ damaged: Set<StorePath>, in plan: BuildPlan
    ) async throws -> (made: Set<StorePath>, failures: [StorePath: any Error]) {
        var made: Set<StorePath> = []
        var failures: [StorePath: any Error] = [:]
        for path in plan.order {
            guard let derivation = plan.derivations[path], let output = try known([path], in: plan)[path],
                damaged.contains(output), !made.contains(output)
            else { continue }
            do {
                let inputs = try await realise(plan, targets: Array(derivation.inputDerivations))
                if let lacking = inputs.values.first(where: { damaged.contains($0) && !made.contains($0) }) {
                    throw BuildError(
                        subject: output.description, message: "is made from \(lacking), which is damaged too")
                }
                let resolved = try derivation.resolved(with: inputs)
                let again = try await build(resolved, resolved: resolved.path(), planned: path)
                guard again == output else {
                    throw BuildError(
                        subject: output.description,
                        message: "was made by another version of bootferry, or of its data",
                        cause: "made again, it is \(again)")
                }
                made.insert(output)
                failures[output] = nil
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures[output] = error
            }
        }
        return (made, failures)
    }
}
