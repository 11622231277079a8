// Handles with owners, descriptors as values, and an error in plain words where a call is refused.

#include "target/check/guest.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "target/config_view.hpp"
#include "target/describe.hpp"

namespace neurotool::conformance {
namespace {

std::vector<std::string> texts(const nt_str* items, std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(message_of(items[i], 256));
  return all;
}

template <class Table>
std::optional<Table> extension_table(const nt_target_info& info, std::string_view id) {
  if (info.extension == nullptr) return std::nullopt;
  return copied(static_cast<const Table*>(info.extension(str(id))));
}

Result<Offer> read_offer(const nt_target_info* raw, std::size_t number) {
  const auto info = copied(raw);
  if (!info)
    return finding(fmt::format("target {} has no descriptor of version 0.1's size", number));
  Offer offer{.info = *info};
  offer.id = message_of(info->id, 256);
  offer.models = texts(info->models, info->model_count);
  offer.kinds = texts(info->kinds, info->kind_count);
  offer.extensions = texts(info->extensions, info->extension_count);
  NT_TRY(offer.options, describe_options(*info));
  offer.simulate = extension_table<nt_simulate>(*info, NT_EXT_SIMULATE);
  offer.codegen = extension_table<nt_codegen>(*info, NT_EXT_CODEGEN);
  offer.resources = extension_table<nt_resources>(*info, NT_EXT_RESOURCES);
  return offer;
}

}  // namespace

Result<nt_plugin_entry_fn> open_library(const std::filesystem::path& file) {
  // Never closed: see docs/adr/0005-never-unload.md.
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return finding(escape_control(::dlerror()));
  void* const symbol = ::dlsym(library, NT_PLUGIN_ENTRY);
  if (symbol == nullptr) {
    return finding(fmt::format("it offers no symbol '{}'", NT_PLUGIN_ENTRY));
  }
  return reinterpret_cast<nt_plugin_entry_fn>(symbol);
}

bool Offer::takes(const SpikeGraph& graph) const {
  const auto declared = [](const std::vector<std::string>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  };
  return std::ranges::all_of(
             graph.populations,
             [&](const Population& p) { return declared(models, model_name(p.neuron)); }) &&
         std::ranges::all_of(graph.projections, [&](const Projection& p) {
           return declared(kinds, kind_name(p.connectivity));
         });
}

Result<Guest> Guest::load(const std::filesystem::path& file) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(file));
  const auto about = copied(entry(NT_ABI_MAJOR));
  if (!about) {
    return finding(
        fmt::format("the entry has no table of version 0.1's size for ABI major {}", NT_ABI_MAJOR));
  }
  Guest guest;
  guest.about_ = *about;
  for (std::size_t i = 0; i < about->target_count; ++i) {
    NT_TRY(Offer offer, read_offer(about->targets[i], i));
    guest.offers_.push_back(std::move(offer));
  }
  if (guest.offers_.empty()) return finding("the plugin offers no target");
  return guest;
}

Guest::Guest(Guest&& other) noexcept
    : about_(other.about_),
      offers_(std::move(other.offers_)),
      initialised_(std::exchange(other.initialised_, false)) {}

Guest::~Guest() { shutdown(); }

Result<> Guest::init(HostShape shape) {
  if (about_.init == nullptr) return finding("the plugin has no init()");
  const nt_code code = about_.init(make_host(shape));
  if (code != NT_OK) return finding(fmt::format("init() answers '{}'", code_text(code)));
  initialised_ = true;
  return {};
}

void Guest::shutdown() {
  if (std::exchange(initialised_, false) && about_.shutdown != nullptr) about_.shutdown();
}

Result<OpenTarget> OpenTarget::open(const Offer& offer) {
  Recorder recorder({});
  return open(offer, default_options(offer), recorder);
}

Result<OpenTarget> OpenTarget::open(const Offer& offer, std::span<const CheckedOption> options,
                                    Recorder& recorder) {
  const ConfigView config(options);
  nt_target* target = nullptr;
  const nt_code code = offer.info.open(recorder.handle(), config.handle(), &target);
  recorder.end();
  if (code != NT_OK) {
    return finding(fmt::format("open() answers '{}' to the options {}: {}", code_text(code),
                               config.json(), recorder.errors_text()));
  }
  if (target == nullptr) return finding("open() answers 'ok', but gives no target");
  return OpenTarget(offer, target);
}

OpenTarget::OpenTarget(OpenTarget&& other) noexcept
    : offer_(other.offer_), target_(std::exchange(other.target_, nullptr)) {}

OpenTarget::~OpenTarget() {
  if (target_ != nullptr) offer_->info.close(target_);
}

nt_code OpenTarget::check(Recorder& recorder, const GraphFace& face) const {
  const nt_code code = offer_->info.check(target_, recorder.handle(), face.handle());
  recorder.end();
  return code;
}

Compiled::Compiled(const OpenTarget& target, Recorder& recorder, const GraphFace& face)
    : offer_(&target.offer()) {
  code_ = offer_->info.compile(target.handle(), recorder.handle(), face.handle(), &program_);
  recorder.end();
  // A program beside a refusal is not ours to release; one that is missing is the plugin's bug.
  if (code_ != NT_OK) program_ = nullptr;
  if (code_ == NT_OK && program_ == nullptr) {
    recorder.breach(Topic::kCall, "compile() answers 'ok', but gives no program");
    code_ = NT_INTERNAL;
  }
}

Compiled::Compiled(Compiled&& other) noexcept
    : offer_(other.offer_), program_(std::exchange(other.program_, nullptr)), code_(other.code_) {}

Compiled::~Compiled() {
  if (program_ != nullptr) offer_->info.release(program_);
}

std::vector<OptionValue> extreme_values(const OptionInfo& option) {
  std::vector<OptionValue> values;
  const auto number = [&](double bound) -> OptionValue {
    if (option.type == OptionType::kReal) return bound;
    const auto whole = static_cast<std::int64_t>(bound);
    if (option.type == OptionType::kIntList) return std::vector<std::int64_t>{whole};
    return whole;
  };
  switch (option.type) {
    case OptionType::kBool:
      return {true, false};
    case OptionType::kChoice:
      return {option.choices.begin(), option.choices.end()};
    case OptionType::kInt:
    case OptionType::kReal:
    case OptionType::kIntList:
      if (!option.bounded) return {};
      for (const double bound : {option.minimum, option.maximum}) {
        // 2^53: beyond it the table's double no longer names one whole number.
        if (std::abs(bound) <= 9007199254740992.0) values.push_back(number(bound));
      }
      return values;
    default:
      return {};
  }
}

std::vector<CheckedOption> default_options(const Offer& offer) {
  std::vector<CheckedOption> options;
  for (const OptionInfo& info : offer.options) {
    OptionValue value = info.fallback;
    if (info.required) {
      const std::vector<OptionValue> allowed = extreme_values(info);
      if (!allowed.empty()) value = allowed.front();
    }
    options.push_back({info.key, std::move(value), {}});
  }
  return options;
}

Result<> for_each_target(Trial& trial, HostShape shape,
                         const std::function<Result<>(const Offer&)>& body) {
  NT_TRY(Guest guest, Guest::load(trial.file()));
  NT_TRY_VOID(guest.init(shape));
  for (const Offer& offer : guest.offers()) {
    // One target is the usual case, and then its name tells nothing.
    trial.about(guest.offers().size() > 1 ? fmt::format("target '{}': ", offer.id) : "");
    NT_TRY_VOID(body(offer));
  }
  return {};
}

}  // namespace neurotool::conformance
