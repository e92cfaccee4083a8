/// How many single-character edits (insert, delete, replace, swap neighbours) lie between two words.
func editDistance(_ first: some StringProtocol, _ second: some StringProtocol) -> Int {
  let a = Array(first.utf8.prefix(40))
  let b = Array(second.utf8.prefix(40))
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
      row.append(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}

/// The word nearest to `word`, when one is near enough to be what was meant.
public func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
  let limit = word.utf8.count <= 3 ? 1 : word.utf8.count <= 6 ? 2 : 3
  var best: (name: String, distance: Int)?
  var examined = 0
  for candidate in candidates where candidate != word && !candidate.utf8.contains(1) {
    guard abs(candidate.utf8.count - word.utf8.count) <= limit else { continue }
    examined += 1
    guard examined < 5_000 else { break }
    let distance =
      candidate.lowercased() == word.lowercased() ? 0 : editDistance(word, candidate)
    guard distance <= limit, distance < max(word.utf8.count, 2) else { continue }
    if best.map({ distance < $0.distance || (distance == $0.distance && candidate < $0.name) }) ?? true {
      best = (candidate, distance)
    }
  }
  return best?.name
}

/// "did you mean", when there is something to mean.
func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
  nearest(to: word, among: candidates).map { "did you mean `\($0)`?" }
}
