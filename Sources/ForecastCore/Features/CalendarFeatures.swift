/// The time of day and of the week, each as a point on a circle: 4 features, 0 where the time is not known.
struct CalendarFeatures: Sendable {
    private static let day: Int64 = 86_400
    /// 1970-01-01 was a Thursday; a week begins on Monday.
    private static let fromMonday: Int64 = 3 * day

    private var features = InlineArray<4, Float>(repeating: 0)

    /// `offset` is what to add to `second` for seconds since 1970-01-01 00:00 in local time.
    mutating func advance(to second: Int64, offset: Int64?) {
        guard let offset else { return }
        let time = second &+ offset
        let day = Self.circle(time, Self.day)
        let week = Self.circle(time &+ Self.fromMonday, 7 * Self.day)
        features = [day.sine, day.cosine, week.sine, week.cosine]
    }

    func write(to writer: inout FeatureWriter) { for index in features.indices { writer.put(features[index]) } }

    /// The point that `time` is at on a circle of `period` seconds, by Bhaskara's approximation, to 2e-3.
    private static func circle(_ time: Int64, _ period: Int64) -> (sine: Float, cosine: Float) {
        let passed = time % period
        let share = Float(passed < 0 ? passed + period : passed) / Float(period)
        return (halfWave(share), halfWave(share + 0.25))
    }

    /// sin(2πx).
    private static func halfWave(_ x: Float) -> Float {
        let turn = x - x.rounded(.down)
        let half = turn < 0.5 ? turn : turn - 0.5
        let product = 4 * half * (1 - 2 * half)
        let sine = 4 * product / (2.5 - product)
        return turn < 0.5 ? sine : -sine
    }
}
