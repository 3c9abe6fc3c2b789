/// What is linked into a client library of the edition `basic`.
@c(presync_interface_edition)
package func editionBasic() -> Int32 { 1 }
