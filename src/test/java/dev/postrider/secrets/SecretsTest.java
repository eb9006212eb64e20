package dev.postrider.secrets;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class SecretsTest {

    private static final String KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=";

    @TempDir
    private Path directory;

    @Test
    void generatedSecretsAreTheSameAtTheNextStart() {
        Secrets first = Secrets.generated(nothingGiven(), file());
        Secrets second = Secrets.generated(nothingGiven(), file());

        assertThat(first.firstStart()).isTrue();
        assertThat(second.firstStart()).isFalse();
        assertThat(second.encryptionKey()).isEqualTo(first.encryptionKey()).hasSize(32);
        assertThat(second.demoApiKey()).isEqualTo(first.demoApiKey());
        assertThat(second.operatorApiKey()).isEqualTo(first.operatorApiKey());
        assertThat(second.operatorPassword())
                .isEqualTo(first.operatorPassword())
                .isPresent();
        assertThat(second.embeddedDatabasePassword()).isEqualTo(first.embeddedDatabasePassword());
    }

    @Test
    void noTwoInstallationsShareASecret() {
        Secrets one = Secrets.generated(nothingGiven(), directory.resolve("one"));
        Secrets two = Secrets.generated(nothingGiven(), directory.resolve("two"));

        assertThat(one.encryptionKey()).isNotEqualTo(two.encryptionKey());
        assertThat(one.demoApiKey()).isNotEqualTo(two.demoApiKey()).isNotEqualTo(one.operatorApiKey());
        assertThat(one.operatorPassword()).isNotEqualTo(two.operatorPassword());
    }

    @Test
    void apiKeysAreRecognisable() {
        assertThat(Secrets.newApiKey()).matches("prk_[A-Za-z0-9_-]{43}").isNotEqualTo(Secrets.newApiKey());
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void onlyTheOwnerCanReadTheFile() throws Exception {
        Secrets.generated(nothingGiven(), file());
        Secrets.generated(nothingGiven(), file());

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
                .isEqualTo("rw-------");
    }

    @Test
    void aGivenSecretIsUsedAndNotWrittenDown() throws Exception {
        SecretsSettings settings = new SecretsSettings(
                KEY,
                List.of(),
                new SecretsSettings.Demo("given-demo"),
                new SecretsSettings.Operator("", "ops", "given-password"));

        Secrets secrets = Secrets.generated(settings, file());

        assertThat(secrets.demoApiKey()).contains("given-demo");
        assertThat(secrets.operatorUsername()).isEqualTo("ops");
        assertThat(secrets.operatorPassword()).contains("given-password");
        assertThat(Files.readString(file())).doesNotContain("given", KEY).contains("postrider.operator.api-key=prk_");
    }

    @Test
    void withAnOwnDatabaseNothingIsGenerated() {
        Secrets secrets = Secrets.given(new SecretsSettings(
                KEY, List.of(), new SecretsSettings.Demo(""), new SecretsSettings.Operator("", "operator", "")));

        assertThat(secrets.demoApiKey()).isEmpty();
        assertThat(secrets.operatorApiKey()).isEmpty();
        assertThat(secrets.operatorPassword()).isEmpty();
        assertThat(secrets.firstStart()).isFalse();
    }

    @Test
    void rolePasswordsDependOnKeyAndRoleOnly() {
        Secrets secrets = Secrets.generated(nothingGiven(), file());
        Secrets again = Secrets.generated(nothingGiven(), file());
        Secrets others = Secrets.generated(nothingGiven(), directory.resolve("other"));

        assertThat(secrets.rolePassword("tenant"))
                .matches("[A-Za-z0-9_-]{43}")
                .isEqualTo(again.rolePassword("tenant"))
                .isNotEqualTo(secrets.rolePassword("owner"))
                .isNotEqualTo(others.rolePassword("tenant"));
    }

    private Path file() {
        return directory.resolve("secrets.properties");
    }

    private static SecretsSettings nothingGiven() {
        return new SecretsSettings(
                "", List.of(), new SecretsSettings.Demo(""), new SecretsSettings.Operator("", "operator", ""));
    }
}
