/// A moment on the wall clock, in whole milliseconds since 1970-01-01 00:00 UTC: what people give and read.
///
/// A machine reckons in ``MonotonicTime``, and is told what the wall clock says beside it.
package struct WallTime: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package static func + (left: Self, right: Duration) -> Self {
        Self(rawValue: left.rawValue + right.nanoseconds / 1_000_000)
    }
    package static func - (left: Self, right: Self) -> Duration { .milliseconds(left.rawValue - right.rawValue) }

    /// The years that can be written and read: 1970 to 9999.
    package static let range = WallTime(rawValue: 0)...WallTime(rawValue: 253_402_300_799_999)
}

extension WallTime: CustomStringConvertible, LosslessStringConvertible {
    /// As RFC 3339 writes it, in UTC and whole seconds: `2026-11-22T16:20:13Z`.
    package var description: String {
        let seconds = max(rawValue, 0) / 1_000
        let date = CivilDate(dayNumber: seconds / 86_400)
        let time = seconds % 86_400
        let parts = [time / 3_600, time / 60 % 60, time % 60].map { Self.digits($0, 2) }
        return "\(Self.digits(date.year, 4))-\(Self.digits(date.month, 2))-\(Self.digits(date.day, 2))T"
            + parts.joined(separator: ":") + "Z"
    }

    /// The moment in `text`: `2026-11-22T16:20:13Z`, with or without seconds, and with `Z` or an offset such as `+01:00`
    /// (RFC 3339, section 5.6, without fractions); nil for anything else, and for years before 1970.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<from + count] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        func stands(_ character: Unicode.Scalar, at place: Int) -> Bool {
            place < bytes.count && bytes[place] == UInt8(ascii: character)
        }
        guard let year = number(0, 4), stands("-", at: 4), let month = number(5, 2), stands("-", at: 7),
            let day = number(8, 2), stands("T", at: 10) || stands(" ", at: 10), let hour = number(11, 2),
            stands(":", at: 13), let minute = number(14, 2), hour < 24, minute < 60,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        var place = 16
        var second: Int64 = 0
        if stands(":", at: place) {
            guard let seconds = number(place + 1, 2), seconds < 60 else { return nil }
            second = seconds
            place += 3
        }
        var offset: Int64 = 0
        if stands("+", at: place) || stands("-", at: place) {
            guard let hours = number(place + 1, 2), stands(":", at: place + 3), let minutes = number(place + 4, 2),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (stands("-", at: place) ? -60 : 60)
            place += 6
        } else {
            guard stands("Z", at: place) else { return nil }
            place += 1
        }
        let moment = date.dayNumber * 86_400 + hour * 3_600 + minute * 60 + second - offset
        guard place == bytes.count, moment >= 0 else { return nil }
        self.init(rawValue: moment * 1_000)
    }

    private static func digits(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

/// A day of the Gregorian calendar, and its number from 1970-01-01. The year is reckoned from March, so that the leap day
/// is its last, and in eras of 400 years, which all have 146,097 days.
private struct CivilDate {
    var year: Int64
    var month: Int64
    var day: Int64

    private static let daysOfEra: Int64 = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBefore1970: Int64 = 719_468

    init?(year: Int64, month: Int64, day: Int64) {
        (self.year, self.month, self.day) = (year, month, day)
        let again = CivilDate(dayNumber: dayNumber)
        // The 30th of February is the 2nd of March.
        guard (1...12).contains(month), day >= 1, again.month == month, again.day == day, year >= 1_970 else {
            return nil
        }
    }

    init(dayNumber: Int64) {
        let shifted = dayNumber + Self.daysBefore1970
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: Self.daysOfEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * fromMarch + 2) / 5 + 1
        month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    var dayNumber: Int64 {
        let fromMarch = (month + 9) % 12
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.quotientAndRemainder(dividingBy: 400)
        let dayOfYear = (153 * fromMarch + 2) / 5 + day - 1
        return era * Self.daysOfEra + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - Self.daysBefore1970
    }
}
