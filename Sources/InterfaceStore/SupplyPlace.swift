import AsyncHTTPClient
import FleetModel
import InterfaceCore

/// A part of a bundle, as it is fetched.
enum BundlePart: Hashable, Sendable {
    /// Its manifest, by the bundle's digest.
    case manifest(ContentDigest)
    case file(BundleFile)
}

/// A place from which the parts of a bundle may be had. What comes from it is believed by its digest only.
struct SupplyPlace: Sendable {
    /// For messages: a URL or a folder.
    let name: String
    let source: any RepositorySource
    /// Where a part is there.
    let path: @Sendable (BundlePart) -> String

    /// Another store, or a copy of one: a folder or a web server that has the layout of ``StoreLayout``.
    init(store name: String, _ source: any RepositorySource) {
        self.init(name: name, source: source) { part in
            switch part {
            case .manifest(let digest): StoreLayout.manifestPath(digest)
            case .file(let file): StoreLayout.blobPath(file.digest)
            }
        }
    }

    init(name: String, source: any RepositorySource, path: @escaping @Sendable (BundlePart) -> String) {
        self.name = name
        self.source = source
        self.path = path
    }
}

/// The places of one installation, in the order in which they are asked. One that failed is asked last from then on, so
/// that a place that stalls is waited for once.
struct SupplyPlaces {
    private(set) var places: [SupplyPlace]

    init(_ places: [SupplyPlace]) { self.places = places }

    mutating func failed(_ name: String) {
        guard let index = places.firstIndex(where: { $0.name == name }) else { return }
        places.append(places.remove(at: index))
    }
}

extension StoreError {
    /// What a place answered, in a store's words.
    init(_ error: TrustError) {
        let code: Code =
            switch error.code {
            case .missing: .notFound
            case .tooLarge: .tooLarge
            default: .unreachable
            }
        self.init(code, error.message)
    }
}
