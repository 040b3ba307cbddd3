// swift-tools-version: 6.2
import PackageDescription

// An engine that multiplies and does not prune, read files or train: formats, kernels and plans alone are built.
let package = Package(
  name: "client",
  dependencies: [.package(path: "../lacuna", traits: [])],
  targets: [
    .executableTarget(name: "client", dependencies: [.product(name: "Lacuna", package: "lacuna")])
  ]
)
