// Findings wait here until the import has ended, so that a node found late can join the ones before
// it that cannot be read for the same reason.
#include "frontend/onnx/report.hpp"

#include <fmt/format.h>

namespace neurotool::from_onnx {
namespace {

/// Findings that wait for others to join them; later ones go straight to the sink.
constexpr std::size_t kMostItems = 1000;

bool is_about_a_kind(std::string_view code) {
  return code == "onnx.unsupported-op" || code == "onnx.unsupported-form";
}

}  // namespace

void Report::keep(Diagnostic diagnostic, bool is_kind) {
  if (items_.size() < kMostItems) {
    items_.push_back({.diagnostic = std::move(diagnostic), .is_kind = is_kind});
  } else {
    sink_.report(std::move(diagnostic));
  }
}

void Report::add(Error error) {
  last_ = error;
  if (errors_++ == 0) first_ = error;
  const bool is_kind = is_about_a_kind(error.code) && items_.size() < kMostItems;
  if (!is_kind) return keep(std::move(error));
  const std::string key = error.code + '\n' + error.message + '\n' + error.help;
  const auto [found, is_new] = kinds_.emplace(key, items_.size());
  if (is_new) return keep(std::move(error), true);
  Item& item = items_[found->second];
  if (item.diagnostic.notes.size() + 1 < kMostPlaces) {
    item.diagnostic.notes.push_back({error.at, "here too"});
  } else {
    ++item.more_places;
  }
}

/// Moves the kinds beyond kMostKinds into the notes of one finding.
void Report::share_last_finding() {
  std::size_t kinds = 0;
  for (const Item& item : items_) kinds += item.is_kind ? 1 : 0;
  if (kinds <= kMostKinds) return;
  const std::size_t surplus = kinds - kMostKinds + 1;
  Item shared{.is_kind = true};
  std::vector<Item> kept;
  std::size_t seen = 0;
  for (Item& item : items_) {
    if (!item.is_kind || ++seen < kMostKinds) {
      kept.push_back(std::move(item));
      continue;
    }
    if (seen == kMostKinds) {
      shared.diagnostic =
          neurotool::error(item.diagnostic.code, item.diagnostic.at,
                           fmt::format("nodes cannot be read for {} further reasons", surplus),
                           "neurotool inspect lists all nodes of a model with their reasons");
    }
    const std::size_t places = 1 + item.diagnostic.notes.size() + item.more_places;
    std::string text = item.diagnostic.message;
    if (places > 1) text += fmt::format(" ({} nodes)", places);
    if (shared.diagnostic.notes.size() < kMostPlaces) {
      shared.diagnostic.notes.push_back({item.diagnostic.at, std::move(text)});
    } else {
      ++shared.more_places;
    }
  }
  kept.push_back(std::move(shared));
  items_ = std::move(kept);
}

void Report::flush() {
  share_last_finding();
  for (Item& item : items_) {
    if (item.more_places > 0) {
      item.diagnostic.notes.push_back({{}, fmt::format("and at {} more places", item.more_places)});
    }
    sink_.report(std::move(item.diagnostic));
  }
  items_.clear();
}

}  // namespace neurotool::from_onnx
