// Writes listings. The comments are added line by line to the canonical text.
#include "codegen.hpp"

#include <charconv>
#include <map>

#include "isa/cursor.hpp"

namespace neurotool::spikecore {
namespace {

class Annotator {
 public:
  explicit Annotator(const Deployment& deployment) : deployment_(deployment) {
    for (const Placement& place : deployment.compiled().placements) {
      places_[{place.chip, place.core}] = &place;
    }
  }

  std::string run() {
    const std::string text = print_object(deployment_.image().object());
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string_view line = std::string_view(text).substr(at, end - at);
      out += line;
      out += comment(line);
      out += "\n";
      at = end + 1;
    }
    return out;
  }

 private:
  static int number_behind(std::string_view line, std::string_view word) {
    int value = -1;
    const std::size_t at = line.find(word);
    if (at == line.npos) return value;
    const char* const begin = line.data() + at + word.size();
    std::from_chars(begin, line.data() + line.size(), value);
    return value;
  }

  const std::string& name(const Placement& place) const {
    return deployment_.network().populations[place.population].name;
  }

  std::string comment(std::string_view line) {
    if (line.starts_with(".chip ")) chip_ = number_behind(line, ".chip ");
    if (line.starts_with(".core ")) {
      core_ = number_behind(line, ".core ");
      const auto found = places_.find({chip_, core_});
      here_ = found == places_.end() ? nullptr : found->second;
      if (here_ == nullptr) return "  ; sums for another core";
      return "  ; " + quote(name(*here_)) + " neurons " + std::to_string(here_->first) + " to " +
             std::to_string(here_->first + here_->count - 1);
    }
    const bool plain = line.starts_with("  ACC") || line.starts_with("  FIRE") ||
                       line.starts_with("  BIAS") || line.starts_with("  .init");
    if (here_ == nullptr || !plain) return {};
    const int slot = number_behind(line, " a");
    if (slot < 0) return {};
    // Blocks behind the membranes are scratch and constant sums of the same neurons.
    const std::int64_t neuron = here_->first + slot % here_->count;
    return "  ; " + quote(name(*here_)) + "[" + std::to_string(neuron) + "]";
  }

  const Deployment& deployment_;
  std::map<std::pair<int, int>, const Placement*> places_;
  const Placement* here_ = nullptr;
  int chip_ = 0, core_ = 0;
};

}  // namespace

std::string annotated_listing(const Deployment& deployment) { return Annotator(deployment).run(); }

std::string layer_map(const Deployment& deployment) { return deployment.image().object().meta; }

}  // namespace neurotool::spikecore
