#include "base/id.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace neurotool {
namespace {

using NodeId = Id<struct NodeTag>;

TEST(Id, NamesNothingByDefault) { EXPECT_FALSE(NodeId{}.valid()); }

TEST(Id, OrdersByIndex) { EXPECT_LT(NodeId{1}, NodeId{2}); }

TEST(Id, WorksAsAKey) {
  const std::unordered_set<NodeId> ids = {NodeId{1}, NodeId{2}, NodeId{1}};
  EXPECT_EQ(ids.size(), 2u);
}

}  // namespace
}  // namespace neurotool
