// The machine against the worked example of the specification, hand-made corner cases, and itself:
// walking over spikes must equal walking over slots.
#include <gtest/gtest.h>

#include <random>

#include "machine/machine.hpp"

namespace neurotool::spikecore {
namespace {

Object object_of(std::string_view text) {
  Assembly assembly = assemble(text);
  for (const TextError& error : assembly.errors) {
    ADD_FAILURE() << error.line << ":" << error.column << ": " << error.message;
  }
  return std::move(assembly.object);
}

constexpr std::string_view kWorkedExample = R"(
.steps 4
.input 0 0..2 -> chip 0 cores 0 axon 0
.core 0
  ACC a0, w[0:3], s[0:3]
  ACC a1, w[3:6], s[0:3]
  FIRE.s a0, th=10, sc=1
  FIRE a1, th=8, sc=0
  LEAK a0..a1, d=0xc000
  HALT
  .page 0 7 -3 5 2 4 -6
  .route a0 -> chip 0 cores 1 axon 0
  .route a1 -> chip 0 cores 1 axon 1
.core 1
  ACC a0, w[0:2], s[0:2]
  ACC.g a1, w[0:2], s[0:2]
  FIRE a0, th=5, sc=0
  HALT
  .page 0 3 2
.plan
  CLEAR
  LOADW cores 0..1 page 0
  LOOP
    INPUT 0
    ENTRY cores 0 entry 0
    RUN
    DELIVER
    ENTRY cores 1 entry 0
    RUN
    DELIVER
    OUT 0
    STEP
  ENDL
  END
.endplan
)";

const std::vector<std::vector<std::uint32_t>> kExampleInput{{0, 2}, {0, 1, 2}, {1}, {0, 2}};

Host example_host() {
  Host host;
  host.input = [](std::uint32_t, std::uint64_t step, const auto& give) {
    for (const std::uint32_t index : kExampleInput[step]) give({index, 1});
  };
  return host;
}

TEST(Machine, RunsTheWorkedExampleStateByState) {
  const Image image(object_of(kWorkedExample));
  Machine machine(image, {});
  // (accumulators at the end of the step, spikes of core 0 and of core 1)
  struct Wanted {
    int a0, a1, b0, b1;
    std::vector<int> first, second;
  };
  const std::vector<Wanted> wanted{{1, -3, 3, 18, {6}, {}},
                                   {0, -2, 0, 33, {5}, {6}},
                                   {-2, 1, 0, 33, {}, {}},
                                   {0, -2, 3, 48, {5}, {}}};
  std::vector<std::uint64_t> cycles0, cycles1, sop0, sop1;
  Host host = example_host();
  host.output = [&](std::uint32_t, std::uint64_t step, const Machine& m) {
    const Wanted& want = wanted[step];
    EXPECT_EQ(m.core(0).accumulators[0], want.a0) << step;
    EXPECT_EQ(m.core(0).accumulators[1], want.a1) << step;
    EXPECT_EQ(m.core(1).accumulators[0], want.b0) << step;
    EXPECT_EQ(m.core(1).accumulators[1], want.b1) << step;
    const auto payloads = [](const CoreState& core) {
      std::vector<int> list;
      for (const Packet& packet : core.sent) list.push_back(packet.value);
      return list;
    };
    EXPECT_EQ(payloads(m.core(0)), want.first) << step;
    EXPECT_EQ(payloads(m.core(1)), want.second) << step;
    cycles0.push_back(m.core(0).counters.cycles);
    cycles1.push_back(m.core(1).counters.cycles);
    sop0.push_back(m.core(0).counters.sop);
    sop1.push_back(m.core(1).counters.sop);
  };
  machine.run(host);
  EXPECT_EQ(cycles0, (std::vector<std::uint64_t>{12, 26, 35, 47}));
  EXPECT_EQ(cycles1, (std::vector<std::uint64_t>{6, 13, 17, 23}));
  EXPECT_EQ(sop0, (std::vector<std::uint64_t>{4, 10, 12, 16}));
  EXPECT_EQ(sop1, (std::vector<std::uint64_t>{2, 4, 4, 6}));
  EXPECT_EQ(machine.totals().cores.ovf, 0u);
  EXPECT_EQ(machine.totals().chips.dup, 0u);
}

TEST(Machine, TotalsFollowFromTheCounters) {
  const Image image(object_of(kWorkedExample));
  Machine machine(image, {});
  machine.run(example_host());
  const Totals totals = machine.totals();
  // Loads: one bus cycle for each of two pages. Levels: slowest core. Packets: core 0's spikes.
  EXPECT_EQ(totals.cycles, 2u + 47 + 23 + 3);
  EXPECT_EQ(totals.chips.packets, 3u);
  EXPECT_EQ(totals.chips.page_bytes, 8u);
  EXPECT_EQ(totals.cores.sop, 22u);
  EXPECT_EQ(totals.cores.graded_sop, 3u);
  EXPECT_EQ(totals.cores.spikes, 4u);
  const Energy energy = energy_of(totals, 1, {});
  const double words = 4 * 6 + 4 * 4;
  EXPECT_DOUBLE_EQ(energy.dynamic_pj,
                   19 * 0.5 + 3 * 0.7 + 12 * 1.0 + 8 * 4.2 + words * 1.2 + 3 * 5 + 8 * 12.5);
  EXPECT_DOUBLE_EQ(energy.seconds, 75e-8);
  EXPECT_DOUBLE_EQ(energy.static_pj, 75e-8 * 10e9);
}

TEST(Machine, RunsAgainAfterResetAsBefore) {
  const Image image(object_of(kWorkedExample));
  Machine machine(image, {});
  machine.run(example_host());
  const Totals first = machine.totals();
  machine.reset();
  machine.run(example_host());
  EXPECT_EQ(machine.totals(), first);
}

/// Runs one core once, without a plan, and returns the machine's first core.
CoreState run_once(std::string_view text, std::vector<InputSpike> spikes = {}) {
  const Image image(object_of(".input 0 0..63 -> chip 0 cores 0 axon 0\n" + std::string(text)));
  Machine machine(image, {.steps = 1});
  CoreState state;
  Host host;
  host.input = [&](std::uint32_t, std::uint64_t, const auto& give) {
    for (const InputSpike& spike : spikes) give(spike);
  };
  host.output = [&](std::uint32_t, std::uint64_t, const Machine& m) { state = m.core(0); };
  machine.run(host);
  return state;
}

TEST(Machine, SaturatesAndCounts) {
  const CoreState state = run_once(
      "BIAS a0, 2147483647\nBIAS a0, 1\nBIAS a1, -2147483648\n"
      "ADDA a1, a1\nFIRE a0, th=1, sc=0\nHALT\n");
  EXPECT_EQ(state.accumulators[0], 0);
  EXPECT_EQ(state.accumulators[1], -2147483647 - 1);
  ASSERT_EQ(state.sent.size(), 1u);
  EXPECT_EQ(state.sent[0].value, 127);
  EXPECT_EQ(state.counters.ovf, 3u);
}

TEST(Machine, LeakRoundsTowardZero) {
  const CoreState state = run_once(
      "BIAS a0, -3\nBIAS a1, 3\nBIAS a2, -1\nBIAS a3, -2147483648\n"
      "LEAK a0..a2, d=0xc000\nLEAK a3, d=0xffff\nHALT\n");
  EXPECT_EQ(state.accumulators[0], -2);
  EXPECT_EQ(state.accumulators[1], 2);
  EXPECT_EQ(state.accumulators[2], 0);
  EXPECT_EQ(state.accumulators[3], -2147450880);
}

TEST(Machine, FireShiftsBeforeItResets) {
  const CoreState state = run_once(
      "BIAS a0, -1\nFIRE.k a0, th=-5, sc=1\nFIRE.s a0, th=-3, sc=0\n"
      "FIRE a0, th=0, sc=0\nHALT\n");
  ASSERT_EQ(state.sent.size(), 3u);
  EXPECT_EQ(state.sent[0].value, -1);  // floor of -1/2
  EXPECT_EQ(state.sent[1].value, -1);
  EXPECT_EQ(state.sent[2].value, 2);  // -1 - -3
  EXPECT_EQ(state.accumulators[0], 0);
}

TEST(Machine, RepMovesSlotsWeightsAndAxons) {
  const CoreState state = run_once(
      "REP 3, body=2, dn=-1, dw=1, ds=2\nACC a1, w[0:1], s[0:1]\nBIAS a9, 10\nHALT\n"
      ".page 0 5 6 7\n",
      {{0, 1}, {2, 1}, {4, 1}});
  EXPECT_EQ(state.accumulators[1], 5);
  EXPECT_EQ(state.accumulators[0], 6);
  EXPECT_EQ(state.accumulators[255], 7);  // slots wrap
  EXPECT_EQ(state.accumulators[9], 10);
  EXPECT_EQ(state.accumulators[8], 10);
  EXPECT_EQ(state.accumulators[7], 10);
  EXPECT_EQ(state.counters.cycles, 1u + 3 * (1 + 1) + 3 + 1);
}

/// What a trap says, in one line.
std::string trap_of(std::string_view text) {
  try {
    run_once(text);
  } catch (const Trap& trap) {
    return std::string(trap_name(trap.code)) + " at " + std::to_string(trap.pc) + ": " +
           (trap.word ? disassemble(*trap.word) : "no word") + ": " + trap.what();
  }
  return {};
}

TEST(Machine, TrapsNameWordAndReason) {
  EXPECT_EQ(trap_of("NOP\n.word 0xff00000000000000\n"),
            "ILL at 1: .word 0xff00000000000000: the word is no instruction");
  EXPECT_EQ(trap_of("NOP\nNOP\n"),
            "PCO at 2: no word: the program counter left the program of 2 words without HALT");
  EXPECT_EQ(trap_of(".word 0x010000ff01000000\n"),
            "RNG at 0: .word 0x010000ff01000000: w[255:257] ends beyond weight 256");
  EXPECT_EQ(trap_of("ACC a0, w[0:8], s[4090:4098]\n"),
            "RNG at 0: ACC a0, w[0:8], s[4090:4098]: s[4090:4098] is outside the 4096 axons");
  EXPECT_EQ(trap_of("REP 65536, body=1\nLEAK a0..a255, d=0x0000\nHALT\n"),
            "RUNAWAY at 1: LEAK a0..a255, d=0x0000: the pass has run for 1048577 cycles; its limit "
            "is 1048576");
  EXPECT_EQ(trap_of("REP 2, body=1\nREP 2, body=1\nHALT\n"),
            "ILL at 1: REP 2, body=1, dn=0, dw=0, ds=0: REP stands in the body of a REP");
  EXPECT_EQ(trap_of("REP 2, body=1\nHALT\n"), "ILL at 1: HALT: HALT stands in the body of a REP");
  EXPECT_EQ(trap_of("REP 2, body=1, dn=0, dw=-1, ds=0\nACC a0, w[0:1], s[0:1]\nHALT\n"),
            "RNG at 1: ACC a0, w[0:1], s[0:1]: w[-1:0] is outside the 256 weights");
}

TEST(Machine, StrictTrapsOnExtensions) {
  Object object = object_of("BIAS a0, 1\nHALT\n");
  object.profile = Profile::kStrict;
  const Image image(std::move(object));
  Machine machine(image, {.steps = 1});
  try {
    machine.run({});
    FAIL() << "no trap";
  } catch (const Trap& trap) {
    EXPECT_EQ(trap.code, TrapCode::kIllegal);
    EXPECT_STREQ(trap.what(), "the instruction is not in profile strict");
  }
}

TEST(Machine, PartialSumsAndDelaysArrive) {
  // Core 0 sends a sum to core 1 at once, and a spike two steps later.
  const Image image(object_of(R"(
.chips 2
.core 0
  BIAS a3, -40
  PSUM a3
  BIAS a4, 1
  FIRE a4, th=1, sc=0
  HALT
  .psum a3 -> chip 1 core 7 slot a200
  .route a4 -> chip 1 cores 6..8 axon 5 delay 2
.chip 1
.core 7
  ACC a0, w[0:1], s[5:6]
  HALT
  .page 0 9
)"));
  Machine machine(image, {.steps = 4});
  std::vector<std::int32_t> sums, spikes;
  Host host;
  host.output = [&](std::uint32_t, std::uint64_t, const Machine& m) {
    sums.push_back(m.core(1).accumulators[200]);
    spikes.push_back(m.core(1).accumulators[0]);
  };
  machine.run(host);
  EXPECT_EQ(sums, (std::vector<std::int32_t>{-40, -80, -120, -160}));
  EXPECT_EQ(spikes, (std::vector<std::int32_t>{0, 0, 9, 18}));
  EXPECT_EQ(machine.totals().chips.packets, 8u);
  EXPECT_EQ(machine.totals().chips.hops, 8u);
  // Each step: 7 cycles of core 0 (PSUM 2, FIRE 2), 2 packets, 16 for the hop, 4 for each on the
  // link. Chip 1 loads its page meanwhile.
  EXPECT_EQ(machine.cycles(), 4u * (7 + 2 + 16 + 8));
}

TEST(Machine, SecondSpikesOnAnAxonAreCountedOrTrapped) {
  const Image image(
      object_of("ACC.g a0, w[0:1], s[0:1]\nHALT\n.page 0 1\n"
                ".input 0 0 -> chip 0 cores 0 axon 0\n"));
  Host host;
  host.input = [](std::uint32_t, std::uint64_t, const auto& give) {
    give({0, 100});
    give({0, 100});
  };
  Machine machine(image, {.steps = 1});
  machine.run(host);
  EXPECT_EQ(machine.core(0).accumulators[0], 127);
  EXPECT_EQ(machine.totals().chips.dup, 1u);
  Machine strict(image, {.steps = 1, .strict_spikes = true});
  EXPECT_THROW(strict.run(host), Trap);
}

TEST(Machine, ConditionalPagesAreSkippedWithTheirPass) {
  const Image image(object_of(R"(
.range 0 axons 0..9
.input 0 0..19 -> chip 0 cores 0 axon 0
.core 0
  ACC a0, w[0:20], s[0:20]
  HALT
  .page 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
.plan
  LOOP 2
  INPUT 0
  LOADW cores 0 page 0 if range 0
  ENTRY cores 0 entry 0
  RUN
  STEP
  ENDL
.endplan
)"));
  Machine machine(image, {});
  Host host;
  host.input = [](std::uint32_t, std::uint64_t step, const auto& give) {
    give({step == 0 ? 15u : 5u, 1});
  };
  machine.run(host);
  EXPECT_EQ(machine.core(0).accumulators[0], 1);
  EXPECT_EQ(machine.totals().chips.skipped_pages, 1u);
  EXPECT_EQ(machine.totals().chips.page_bytes, 20u);
}

TEST(Machine, EndlessPlansEnd) {
  const Image image(object_of(".plan\nLOOP 4000000000\nLOOP 4000000000\nENDL\nENDL\n.endplan\n"));
  Machine machine(image, {.most_records = 1000});
  EXPECT_THROW(machine.run({}), ObjectError);
}

/// A random legal program of sweeps, loops and everything else, and random spikes.
Object random_object(std::mt19937& random) {
  Object object;
  object.axons = 512;
  CoreImage core;
  const auto pick = [&](int least, int most) {
    return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
  };
  const auto random_acc = [&](int span) {
    const int length = pick(1, 40);
    return acc(pick(0, 255), pick(0, 100), pick(0, 512 - length - span), length, pick(0, 1) == 1);
  };
  for (int i = 0; i < 40; ++i) {
    switch (pick(0, 5)) {
      case 0:
        core.code.push_back(encode(random_acc(0)));
        break;
      case 1:
        core.code.push_back(
            encode(bias(pick(0, 255), pick(-1, 1) * (pick(0, 1) ? 5 : 2147483000))));
        break;
      case 2:
        core.code.push_back(encode(fire(pick(0, 255), pick(1, 50), pick(0, 31), kFireSubtract)));
        break;
      case 3:
        core.code.push_back(encode(leak(pick(0, 200), pick(1, 56), pick(0, 65535))));
        break;
      default: {
        const int count = pick(1, 60), body = pick(1, 15), step = pick(1, 4);
        core.code.push_back(encode(rep(count, body, pick(-8, 7), pick(0, 1), step)));
        for (int k = 0; k < body; ++k) {
          core.code.push_back(encode(random_acc((count - 1) * step)));
        }
      }
    }
  }
  core.code.push_back(encode(halt()));
  Page page(256);
  for (std::int8_t& weight : page) weight = static_cast<std::int8_t>(random());
  core.pages.push_back(page);
  object.cores.push_back(core);
  for (std::uint32_t i = 0; i < 512; ++i) {
    object.inputs.push_back({0, 0, 0, 0, i, static_cast<std::uint16_t>(i)});
  }
  return object;
}

TEST(Machine, WalkingOverSpikesEqualsWalkingOverSlots) {
  std::mt19937 random(5);
  std::uint64_t operations = 0;
  for (int i = 0; i < 300; ++i) {
    const Image image(random_object(random));
    const auto density = random() % 100;
    std::vector<std::vector<InputSpike>> spikes(3);
    for (auto& step : spikes) {
      for (std::uint32_t axon = 0; axon < 512; ++axon) {
        if (random() % 100 < density) step.push_back({axon, static_cast<std::int8_t>(random())});
      }
    }
    Host host;
    host.input = [&](std::uint32_t, std::uint64_t step, const auto& give) {
      for (const InputSpike& spike : spikes[step]) give(spike);
    };
    Machine fast(image, {.steps = 3}), slow(image, {.steps = 3});
    fast.run(host);
    host.watcher.after = [](const TraceEvent&) {};
    slow.run(host);
    ASSERT_EQ(fast.core(0).accumulators, slow.core(0).accumulators) << i;
    ASSERT_EQ(fast.totals(), slow.totals()) << i;
    operations += fast.totals().cores.sop;
  }
  EXPECT_GT(operations, 1'000'000u);
}

}  // namespace
}  // namespace neurotool::spikecore
