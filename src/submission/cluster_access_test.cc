#include "submission/cluster_access.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/file.h"

namespace stoker::submission {
namespace {

constexpr auto kKubeconfig = R"(
current-context: here
contexts: [{name: here, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://kubeconfig:6443"}}]
)";

// A pod with a service account, or a machine without; a home with or without a kubeconfig.
class ClusterAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(runtime::write_file(folder_.path() / "token", "t").ok());
    ASSERT_TRUE(runtime::write_file(folder_.path() / "ca.crt", "authority").ok());
    std::filesystem::create_directory(folder_.path() / ".kube");
  }
  void be_in_a_pod() {
    variables_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
    variables_["KUBERNETES_SERVICE_PORT"] = "443";
  }
  void have_kubeconfig(const std::string& text) const { std::ofstream(folder_.path() / ".kube" / "config") << text; }
  Result<kube::ClusterConfiguration> find() const {
    return cluster_of(configuration_, variables_, std::nullopt, folder_.path().string());
  }
  std::string server() const {
    const auto found = find();
    return found ? found->server : found.error().describe();
  }

  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("access").value();
  Variables variables_{{"HOME", folder_.path().string()}};
  spark::Configuration configuration_;
};

TEST_F(ClusterAccessTest, TakesTheKubeconfigBeforeTheServiceAccount) {
  be_in_a_pod();
  EXPECT_EQ(server(), "https://10.0.0.1:443");
  have_kubeconfig(kKubeconfig);
  EXPECT_EQ(server(), "https://kubeconfig:6443");
}

TEST_F(ClusterAccessTest, NeverGoesToAnotherClusterThanTheOneThatIsNamed) {
  be_in_a_pod();
  configuration_.set("spark.kubernetes.context", "prod");
  EXPECT_EQ(find().error().code, ErrorCode::environment);  // no kubeconfig has it
  have_kubeconfig(kKubeconfig);
  EXPECT_EQ(find().error().code, ErrorCode::not_found);
}

TEST_F(ClusterAccessTest, SaysWhatIsWrongWithAKubeconfigEvenInAPod) {
  be_in_a_pod();
  configuration_.set("spark.master", "k8s://https://master:6443");
  have_kubeconfig("a: [b\n");
  EXPECT_EQ(find().error().code, ErrorCode::invalid_document);
  have_kubeconfig(R"({current-context: x, contexts: [{name: x, context: {cluster: c}}],
                      clusters: [{name: c, cluster: {server: s, certificate-authority: /nowhere}}]})");
  EXPECT_EQ(find().error().code, ErrorCode::not_found);
}

TEST_F(ClusterAccessTest, TakesTheMastersAddressAloneWhenThereIsNothingElse) {
  EXPECT_EQ(find().error().code, ErrorCode::environment);
  configuration_.set("spark.master", "k8s://https://master:6443/");
  EXPECT_EQ(server(), "https://master:6443");
}

TEST_F(ClusterAccessTest, ReadsBooleansAsSparkDoes) {
  configuration_.set("spark.master", "k8s://https://master:6443");
  configuration_.set("spark.kubernetes.trust.certificates", "TRUE");
  EXPECT_TRUE(find().value().insecure);
  configuration_.set("spark.kubernetes.trust.certificates", "yes");
  EXPECT_EQ(find().error().code, ErrorCode::invalid_value);
}

}  // namespace
}  // namespace stoker::submission
