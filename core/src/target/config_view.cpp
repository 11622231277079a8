// Options by key, and all of them as canonical JSON.
#include "target/config_view.hpp"

#include <variant>

#include "base/json.hpp"

namespace neurotool {
namespace {

struct JsonOf {
  template <class T>
  Json operator()(const T& value) const {
    return Json(value);
  }
  template <class T>
  Json operator()(const std::vector<T>& values) const {
    Json list = Json::array();
    for (const T& value : values) list.push_back(Json(value));
    return list;
  }
};

}  // namespace

ConfigView::ConfigView(std::span<const CheckedOption> options) : options_(options) {
  Json object = Json::object();
  for (const CheckedOption& option : options)
    object[option.key] = std::visit(JsonOf{}, option.value);
  json_ = object.dump(0);
}

const CheckedOption* ConfigView::find(nt_str key) const {
  const auto name = text_of(key, 256);
  if (!name) return nullptr;
  const auto found = std::ranges::find(options_, *name, &CheckedOption::key);
  return found == options_.end() ? nullptr : &*found;
}

const ConfigView* config_of(const nt_config* handle) {
  return reinterpret_cast<const ConfigView*>(handle);
}

}  // namespace neurotool
