// Part of neurotool/plugin/sdk.hpp: turns a target class into the tables of abi.h. Plugin authors
// need not read it.
#ifndef NEUROTOOL_PLUGIN_SDK_TABLES_HPP
#define NEUROTOOL_PLUGIN_SDK_TABLES_HPP

#include <neurotool/plugin/sdk/option_table.hpp>
#include <neurotool/plugin/sdk/target.hpp>

namespace neurotool::sdk::detail {

template <class P, class = void>
struct ToleranceOf {
  static constexpr double kValue = 0;
};
template <class P>
struct ToleranceOf<P, std::void_t<decltype(P::kTolerance)>> {
  static constexpr double kValue = P::kTolerance;
};

inline std::vector<nt_str> words_of(Span<const std::string_view> words) {
  std::vector<nt_str> all;
  for (const std::string_view word : words) all.push_back(str(word));
  return all;
}

/// What an nt_target points to. Names of capacities must outlive the call that asks for them.
template <class T>
struct OpenTarget {
  T target;
  std::vector<Capacity> capacities;
};

/// The functions behind the tables. Each is one guarded() call around the author's function.
template <class T>
struct Trampolines {
  using P = typename T::CompiledProgram;
  static_assert(std::is_base_of_v<Program, P>, "a program derives from nt::Program");
  using Opened = OpenTarget<T>;

  static Opened* opened(nt_target* target) { return reinterpret_cast<Opened*>(target); }
  static P* compiled(nt_program* program) { return reinterpret_cast<P*>(program); }

  static nt_code open(nt_call* raw, const nt_config* config, nt_target** out) noexcept {
    return guarded(raw, [&] {
      Answer answer;
      auto fresh = std::make_unique<Opened>();
      fresh->target.set_options(read_options<typename T::Options>(T::kInfo.rows, config));
      fresh->target.open(Call(raw, answer), Config(config));
      if (answer.code() == NT_OK) *out = reinterpret_cast<nt_target*>(fresh.release());
      return answer.code();
    });
  }
  static void close(nt_target* target) noexcept { delete opened(target); }

  static nt_code check(nt_target* target, nt_call* raw, const nt_graph* graph) noexcept {
    return guarded(raw, [&] {
      Answer answer;
      opened(target)->target.check(Call(raw, answer), Graph(graph));
      return answer.code();
    });
  }

  static nt_code compile(nt_target* target, nt_call* raw, const nt_graph* graph,
                         nt_program** out) noexcept {
    return guarded(raw, [&] {
      Answer answer;
      std::unique_ptr<P> program = opened(target)->target.compile(Call(raw, answer), Graph(graph));
      if (answer.code() != NT_OK) return answer.code();
      if (!program) {
        throw Failure(NT_INTERNAL, "plugin.misuse", "compile() made no program and said no reason");
      }
      if (offers_more_than_declared(*program)) {
        throw Failure(NT_INTERNAL, "plugin.misuse",
                      "the program simulates or emits, but its target does not say so",
                      "name the class: nt::Target<Options, MyProgram>");
      }
      *out = reinterpret_cast<nt_program*>(program.release());
      return nt_code{NT_OK};
    });
  }
  static void release(nt_program* program) noexcept { delete compiled(program); }

  static nt_code run(nt_program* program, nt_call* raw, std::uint64_t samples, std::uint64_t steps,
                     std::uint64_t seed, const nt_stimulus* const* stimuli,
                     std::size_t stimulus_count, const nt_probe* const* probes,
                     std::size_t probe_count) noexcept {
    return guarded(raw, [&] {
      Answer answer;
      Run run{samples, steps, seed, {}, {}};
      for (std::size_t i = 0; i < stimulus_count; ++i) {
        const nt_stimulus given = copied(stimuli[i]);
        run.stimuli.push_back({given.population, TensorView(given.value),
                               (given.flags & NT_STIMULUS_IS_SPIKES) != 0});
      }
      for (std::size_t i = 0; i < probe_count; ++i) {
        const nt_probe given = copied(probes[i]);
        run.probes.push_back({given.population, view(given.variable)});
      }
      static_cast<const P*>(compiled(program))->simulate(Call(raw, answer), run);
      return answer.code();
    });
  }

  static nt_code emit(nt_program* program, nt_call* raw, const nt_graph* graph,
                      nt_str format) noexcept {
    return guarded(raw, [&] {
      Answer answer;
      compiled(program)->emit(Call(raw, answer), Graph(graph), view(format));
      return answer.code();
    });
  }

  static nt_code count(nt_target* target, std::uint32_t* out) noexcept {
    return guarded(nullptr, [&] {
      opened(target)->capacities = opened(target)->target.capacities();
      *out = static_cast<std::uint32_t>(opened(target)->capacities.size());
      return nt_code{NT_OK};
    });
  }
  static nt_code get(nt_target* target, std::uint32_t index, nt_capacity* out) noexcept {
    return guarded(nullptr, [&] {
      const std::vector<Capacity>& all = opened(target)->capacities;
      if (index >= all.size()) return nt_code{NT_BAD_ARGUMENT};
      nt_capacity filled = sized<nt_capacity>();
      filled.name = str(all[index].name);
      filled.unit = str(all[index].unit);
      filled.amount = all[index].amount;
      // The host may be older or newer: write what both know, and say how much that is.
      if (out->struct_size < filled.struct_size) filled.struct_size = out->struct_size;
      const std::size_t room = out->struct_size;
      std::memset(out, 0, room);
      std::memcpy(out, &filled, filled.struct_size);
      return nt_code{NT_OK};
    });
  }

  static bool offers_more_than_declared(const P& program) {
    const bool simulates = !std::is_base_of_v<Simulates, P> &&
                           dynamic_cast<const Simulates*>(static_cast<const Program*>(&program));
    const bool emits = !std::is_base_of_v<Emits, P> &&
                       dynamic_cast<const Emits*>(static_cast<const Program*>(&program));
    return simulates || emits;
  }
};

/// The descriptor of one target. Made once, when the library is loaded, and never destroyed.
template <class T>
class TargetTable {
 public:
  static const TargetTable& get() {
    static const TargetTable* const table = new TargetTable();
    return *table;
  }
  const nt_target_info& info() const { return info_; }

 private:
  using Functions = Trampolines<T>;
  using P = typename T::CompiledProgram;

  TargetTable()
      : options_(option_table<typename T::Options>(T::kInfo.rows)),
        models_(words_of(T::kInfo.model_words)),
        kinds_(words_of(T::kInfo.kind_words)) {
    if constexpr (std::is_base_of_v<Simulates, P>) {
      simulate_ = sized<nt_simulate>();
      simulate_.tolerance = ToleranceOf<P>::kValue;
      simulate_.run = &Functions::run;
      extensions_.push_back(NT_LIT(NT_EXT_SIMULATE));
    }
    if constexpr (std::is_base_of_v<Emits, P>) {
      formats_ = words_of(P::kFormats);
      codegen_ = sized<nt_codegen>();
      codegen_.formats = formats_.data();
      codegen_.format_count = formats_.size();
      codegen_.emit = &Functions::emit;
      extensions_.push_back(NT_LIT(NT_EXT_CODEGEN));
    }
    if constexpr (std::is_base_of_v<Holds, T>) {
      resources_ = sized<nt_resources>();
      resources_.count = &Functions::count;
      resources_.get = &Functions::get;
      extensions_.push_back(NT_LIT(NT_EXT_RESOURCES));
    }
    describe();
  }

  void describe() {
    info_ = sized<nt_target_info>();
    info_.id = str(T::kInfo.id);
    info_.summary = str(T::kInfo.summary);
    for (const StoredOption& option : options_) option_pointers_.push_back(&option.row);
    info_.options = option_pointers_.data();
    info_.option_count = option_pointers_.size();
    info_.models = models_.data();
    info_.model_count = models_.size();
    info_.kinds = kinds_.data();
    info_.kind_count = kinds_.size();
    info_.extensions = extensions_.data();
    info_.extension_count = extensions_.size();
    info_.open = &Functions::open;
    info_.close = &Functions::close;
    info_.check = &Functions::check;
    info_.compile = &Functions::compile;
    info_.release = &Functions::release;
    info_.extension = &TargetTable::extension;
  }

  static const void* extension(nt_str id) noexcept {
    const TargetTable& table = get();
    const std::string_view name = view(id);
    if (table.simulate_.struct_size != 0 && name == NT_EXT_SIMULATE) return &table.simulate_;
    if (table.codegen_.struct_size != 0 && name == NT_EXT_CODEGEN) return &table.codegen_;
    if (table.resources_.struct_size != 0 && name == NT_EXT_RESOURCES) return &table.resources_;
    return nullptr;
  }

  std::deque<StoredOption> options_;
  std::vector<const nt_option*> option_pointers_;
  std::vector<nt_str> models_, kinds_, extensions_, formats_;
  nt_simulate simulate_{};
  nt_codegen codegen_{};
  nt_resources resources_{};
  nt_target_info info_{};
};

inline nt_code start(const nt_host* given) noexcept {
  if (given == nullptr || !NT_HAS(given, nt_host, extension) ||
      !NT_HAS(given->graph, nt_graph_api, synapses) ||
      !NT_HAS(given->config, nt_config_api, get_json) ||
      !NT_HAS(given->results, nt_results_api, values)) {
    return NT_BAD_ARGUMENT;
  }
  host = given;
  return NT_OK;
}
inline void stop() noexcept { host = nullptr; }

template <class... Targets>
struct PluginTable {
  explicit PluginTable(const About& about) : targets{&TargetTable<Targets>::get().info()...} {
    plugin.struct_size = sizeof plugin;
    plugin.abi_major = NT_ABI_MAJOR;
    plugin.abi_minor = NT_ABI_MINOR;
    plugin.id = str(about.id);
    plugin.version = str(about.version);
    plugin.vendor = str(about.vendor);
    plugin.license = str(about.license);
    plugin.url = str(about.url);
    plugin.summary = str(about.summary);
    plugin.targets = targets;
    plugin.target_count = sizeof...(Targets);
    plugin.init = &start;
    plugin.shutdown = &stop;
  }

  const nt_target_info* targets[sizeof...(Targets)];
  nt_plugin plugin{};
};

/// Null where an author's default values throw: the entry then answers NULL, and nothing crashes.
template <class... Targets>
const nt_plugin* make_plugin(const About& about) noexcept {
  try {
    return &(new PluginTable<Targets...>(about))->plugin;
  } catch (...) {
    return nullptr;
  }
}

}  // namespace neurotool::sdk::detail

#endif
