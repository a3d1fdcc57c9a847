#include "kube/credentials.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace stoker::kube {
namespace {

using namespace std::chrono_literals;

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("stoker-credentials-{}", ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A plugin that counts its runs in a file and prints this.
  ClusterConfiguration with_plugin(const std::string& prints, const std::string& more = "") {
    ClusterConfiguration configuration{.server = "https://host:6443"};
    configuration.credentials.exec = ExecPlugin{
        .api_version = "client.authentication.k8s.io/v1",
        .command = "/bin/sh",
        .arguments = {"-c", fmt::format("echo run >> {}; echo \"$KUBERNETES_EXEC_INFO\" > {}; {} cat <<'END'\n{}\nEND",
                                        runs_file().string(), (folder_ / "asked").string(), more, prints)},
        .install_hint = "install the tool"};
    return configuration;
  }
  std::filesystem::path runs_file() const { return folder_ / "runs"; }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::string answer(const std::string& status) {
    return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":)" + status + "}";
  }

  std::filesystem::path folder_;
  ManualClock clock_;
  const Variables variables_{{"PATH", "/usr/bin:/bin"}};
};

TEST_F(CredentialsTest, AsksAPluginOnceUntilItsAnswerIsOld) {
  CredentialSource source(with_plugin(answer(R"({"token":"t","expirationTimestamp":"2026-01-01T01:00:00Z"})")),
                          variables_, clock_);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(source.proof({}).value().authorization, "Bearer t");
  EXPECT_EQ(read("runs"), "run\n");
  clock_.advance(59min + 55s);  // a little before
  EXPECT_TRUE(source.proof({}).ok());
  EXPECT_EQ(read("runs"), "run\nrun\n");
}

TEST_F(CredentialsTest, AsksAgainWhenTheServerRefuses) {
  CredentialSource source(with_plugin(answer(R"({"token":"t"})")), variables_, clock_);
  EXPECT_TRUE(source.proof({}).ok());
  EXPECT_TRUE(source.refused());
  EXPECT_TRUE(source.proof({}).ok());
  EXPECT_EQ(read("runs"), "run\nrun\n");

  CredentialSource fixed({.server = "https://host", .credentials = {.token = "t"}}, variables_, clock_);
  EXPECT_FALSE(fixed.refused());
}

TEST_F(CredentialsTest, TellsAPluginAboutTheClusterWhenItWantsToKnow) {
  ClusterConfiguration configuration = with_plugin(answer(R"({"token":"t"})"));
  configuration.credentials.exec->wants_cluster = true;
  configuration.certificate_authority_pem = "PEM";
  EXPECT_TRUE(CredentialSource(configuration, variables_, clock_).proof({}).ok());
  EXPECT_NE(read("asked").find(R"("cluster":{"server":"https://host:6443","certificate-authority-data":"UEVN"})"),
            std::string::npos)
      << read("asked");
}

TEST_F(CredentialsTest, TakesACertificateFromAPlugin) {
  const Proof proof =
      CredentialSource(with_plugin(answer(R"({"clientCertificateData":"C","clientKeyData":"K"})")), variables_, clock_)
          .proof({})
          .value();
  EXPECT_EQ(proof, (Proof{.authorization = "", .certificate_pem = "C", .key_pem = "K"}));
}

TEST_F(CredentialsTest, SaysWhatIsWrongWithAPlugin) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"no JSON", "printed what is no ExecCredential"},
      {R"({"kind":"Pod"})", "printed what is no ExecCredential"},
      {R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"})", "answered in"},
      {answer("{}"), "printed neither a token nor a certificate"},
      {answer(R"({"clientCertificateData":"C"})"), "belong together"},
      {answer(R"({"token":"hidden","expirationTimestamp":"soon"})"), "which is no time"}};
  for (const auto& [prints, words] : cases) {
    const auto proof = CredentialSource(with_plugin(prints), variables_, clock_).proof({});
    ASSERT_FALSE(proof.ok()) << prints;
    EXPECT_EQ(proof.error().code, ErrorCode::environment);
    EXPECT_NE(proof.error().message.find(words), std::string::npos) << proof.error().message;
    EXPECT_EQ(proof.error().message.find("hidden"), std::string::npos);
    EXPECT_EQ(proof.error().hint, "install the tool");
  }
  const auto failed =
      CredentialSource(with_plugin("", "echo not logged in >&2; exit 3;"), variables_, clock_).proof({});
  EXPECT_EQ(failed.error().message, "the credential plugin /bin/sh ended with exit code 3");

  ClusterConfiguration missing = with_plugin("");
  missing.credentials.exec->command = "/nowhere/plugin";
  EXPECT_EQ(CredentialSource(missing, variables_, clock_).proof({}).error().code, ErrorCode::environment);
}

TEST_F(CredentialsTest, ReadsARotatedTokenAgainAfterAMinute) {
  const std::string file = (folder_ / "token").string();
  std::ofstream(file) << "first\n";
  CredentialSource source({.server = "https://host", .credentials = {.token_file = file}}, variables_, clock_);
  EXPECT_EQ(source.proof({}).value().authorization, "Bearer first");
  std::ofstream(file) << "second\n";
  EXPECT_EQ(source.proof({}).value().authorization, "Bearer first");
  clock_.advance(61s);
  EXPECT_EQ(source.proof({}).value().authorization, "Bearer second");
  // One that cannot be had any more is no proof that never grows old.
  clock_.advance(61s);
  std::filesystem::remove(file);
  EXPECT_FALSE(source.proof({}).ok());
  EXPECT_FALSE(source.proof({}).ok());
}

}  // namespace
}  // namespace stoker::kube
