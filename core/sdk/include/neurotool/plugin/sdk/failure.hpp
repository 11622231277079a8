// Part of neurotool/plugin/sdk.hpp: how a C++ plugin stops, and how no exception leaves it.
#ifndef NEUROTOOL_PLUGIN_SDK_FAILURE_HPP
#define NEUROTOOL_PLUGIN_SDK_FAILURE_HPP

#include <neurotool/plugin/sdk/text.hpp>

#include <exception>
#include <new>
#include <utility>

namespace neurotool::sdk {

namespace detail {
/// Set by init(), cleared by shutdown(). Hidden, so that two plugins never share it.
__attribute__((visibility("hidden"))) inline const nt_host* host = nullptr;
}  // namespace detail

/// Ends the call: the code tells the host what to do next, the rest becomes a diagnostic.
///
///   throw nt::Failure(NT_NO_ROOM, "acme.core-full", "312 neurons; a core holds 256", "split it");
class Failure : public std::exception {
 public:
  Failure(nt_code code, std::string slug, std::string text, std::string help = {})
      : code_(code), slug_(std::move(slug)), text_(std::move(text)), help_(std::move(help)) {}

  /// Ends the call without a word: the host stopped it and knows why.
  static Failure quiet(nt_code code) { return Failure(code, {}, {}); }

  nt_code code() const { return code_; }
  const std::string& slug() const { return slug_; }
  const std::string& help() const { return help_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  nt_code code_;
  std::string slug_, text_, help_;
};

namespace detail {

/// Needs no memory, so that it can report having none.
inline void report(nt_call* call, std::string_view slug, std::string_view text,
                   std::string_view help) noexcept {
  if (call == nullptr || slug.empty()) return;
  nt_diagnostic diagnostic = sized<nt_diagnostic>();
  diagnostic.severity = NT_ERROR;
  diagnostic.code = str(slug);
  diagnostic.message = str(text);
  diagnostic.help = str(help);
  host->diagnose(call, &diagnostic);
}

/// Runs body(), which returns a code; every exception ends here. call may be null where the host
/// has nowhere to put words.
template <class Body>
nt_code guarded(nt_call* call, Body&& body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    report(call, failure.slug(), failure.what(), failure.help());
    return failure.code();
  } catch (const std::bad_alloc&) {
    report(call, "plugin.no-memory", "the plugin ran out of memory", {});
    return NT_NO_ROOM;
  } catch (const std::exception& exception) {
    report(call, "plugin.exception", exception.what(), "this is a bug in the plugin");
    return NT_INTERNAL;
  } catch (...) {
    report(call, "plugin.exception", "an exception of an unknown type",
           "this is a bug in the plugin");
    return NT_INTERNAL;
  }
}

/// The host refused something and has said why.
inline void expect_ok(nt_code code) {
  if (code != NT_OK) throw Failure::quiet(code);
}

}  // namespace detail
}  // namespace neurotool::sdk

#endif
