/// A date and time of the Gregorian calendar, to the second.
public struct CivilDate: Sendable, Equatable {
  /// Year, month 1…12, day 1…31.
  public var year: Int
  public var month: Int
  public var day: Int
  /// Hour 0…23, minute, second.
  public var hour: Int
  public var minute: Int
  public var second: Int

  /// A date.
  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// Days from 1 March of the year 0 to this date: years begin in March, so that the leap day is the last.
  private var dayNumber: Int {
    let shifted = month <= 2 ? year - 1 : year
    let days = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + days
  }

  /// Seconds from an arbitrary beginning; wrong months and days give some number.
  var seconds: Int { ((dayNumber * 24 + hour) * 60 + minute) * 60 + second }

  /// The date so many seconds from the beginning.
  init(seconds: Int) {
    let total = max(seconds, 0)
    (hour, minute, second) = (total / 3600 % 24, total / 60 % 60, total % 60)
    var days = total / 86400
    // 400 years have 146,097 days; of the centuries in them the last is a day longer.
    let era = days / 146_097
    days %= 146_097
    let century = min(days / 36_524, 3)
    days -= century * 36_524
    let four = min(days / 1461, 24)
    days -= four * 1461
    let single = min(days / 365, 3)
    days -= single * 365
    let index = (5 * days + 2) / 153
    day = days - (153 * index + 2) / 5 + 1
    month = index < 10 ? index + 3 : index - 9
    year = era * 400 + century * 100 + four * 4 + single + (month <= 2 ? 1 : 0)
  }

  /// 1 for Sunday … 7 for Saturday.
  var weekday: Int { (dayNumber + 3) % 7 + 1 }
}
