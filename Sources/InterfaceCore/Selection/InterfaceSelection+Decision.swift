import FleetModel

extension InterfaceSelection {
    /// What decided for the version that is chosen, in a sentence fragment.
    package func decision(_ question: Question) -> String {
        guard let pair = chosenPair else { return refusal(question) }
        if let library = question.library {
            return pair.client == pair.worker
                ? "its programs have loaded \(library)"
                : "its programs have loaded \(library), and \(pair.worker) was tested with it"
        }
        if pair.client != pair.worker {
            return "the ends have no version in common, and \(pair.worker) was tested with clients of \(pair.client)"
        }
        let possible = candidates.filter { $0.obstacles.isEmpty }
        if let wanted, wanted != pair.worker {
            let missing = possible.first { $0.offer.version == wanted }
            let places = [
                missing?.isAtClient == false ? "the instance's host" : nil,
                missing?.isAtServer == false ? "the GPU server" : nil,
            ].compactMap(\.self)
            return "\(wanted) is better, and not yet on \(places.joined(separator: " and "))"
        }
        guard possible.count > 1 else { return "it is the only one that is possible" }
        return "it is better than \(possible[1].offer.version): \(advantage)"
    }

    private func refusal(_ question: Question) -> String {
        do throws(NoSharedVersion) {
            return "\(try choose(question))"
        } catch {
            return error.description
        }
    }
}
