import Glibc

/// The controlling terminal: its size, its alternate screen, and single key presses.
///
/// The only type of this module that does input and output. Opening changes the terminal's mode, ``close()`` restores
/// it; a value that is never closed leaves the terminal in raw mode, so close it in a `defer`.
package final class Terminal {
    private let descriptor: Int32
    private let saved: termios
    private var isOpen = true

    /// Takes over the terminal on standard output, or returns nil where standard input and output are not both one.
    package init?() {
        guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1 else { return nil }
        var mode = termios()
        guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
        descriptor = STDOUT_FILENO
        saved = mode
        // Keys come singly, unechoed and without waiting; signals stay as they are, so that Ctrl-C interrupts.
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
        withUnsafeMutableBytes(of: &mode.c_cc) { characters in
            characters[Int(VMIN)] = 0
            characters[Int(VTIME)] = 0
        }
        guard tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0 else { return nil }
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// Columns and rows now; 100 by 30 where the terminal does not say.
    package var size: (width: Int, height: Int) { Self.size(of: descriptor) ?? (100, 30) }

    /// The size of the terminal on standard output; nil where there is none, or it does not say.
    package static var sizeOfStandardOutput: (width: Int, height: Int)? { size(of: STDOUT_FILENO) }

    private static func size(of descriptor: Int32) -> (width: Int, height: Int)? {
        var window = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0 && window.ws_col > 0 && window.ws_row > 0
        return known ? (Int(window.ws_col), Int(window.ws_row)) : nil
    }

    /// Replaces what is on the screen by `lines`, without flicker.
    package func show(_ lines: [String]) {
        var frame = "\u{1B}[H"
        for (row, line) in lines.enumerated() {
            frame += (row == 0 ? "" : "\r\n") + line + "\u{1B}[K"
        }
        write(frame + "\u{1B}[J")
    }

    /// The keys pressed since the last call, at most 64; empty when there are none.
    package func pressedKeys() -> [UInt8] {
        var keys = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &keys, keys.count)
        return Array(keys.prefix(max(0, count)))
    }

    /// Leaves the alternate screen and restores the terminal's mode. Safe to call twice.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        write("\u{1B}[?25h\u{1B}[?1049l")
        var mode = saved
        _ = tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    }

    private func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
