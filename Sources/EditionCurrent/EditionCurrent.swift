/// What is linked into a client library of the edition `current`.
@c(presync_interface_edition)
package func editionCurrent() -> Int32 { 2 }
