package dev.postrider.operations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.EmbeddedDatabaseConfiguration;
import dev.postrider.database.OwnDatabaseConfiguration;
import dev.postrider.secrets.Secrets;
import dev.postrider.secrets.SecretsConfiguration;
import dev.postrider.testkit.TestDatabase;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class AnnouncementTest {

    @TempDir
    private Path directory;

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withUserConfiguration(
                    EmbeddedDatabaseConfiguration.class,
                    OwnDatabaseConfiguration.class,
                    SecretsConfiguration.class,
                    Announcement.class);

    @Test
    void generatedKeysAreShownAtTheFirstStartOnly() {
        ApplicationContextRunner embedded = runner.withPropertyValues("postrider.directory=" + directory);
        embedded.run(context -> {
            Secrets secrets = context.getBean(Secrets.class);
            assertThat(context.getBean(Announcement.class).text(1))
                    .contains(secrets.demoApiKey().orElseThrow())
                    .contains(secrets.operatorApiKey().orElseThrow())
                    .contains(secrets.operatorPassword().orElseThrow())
                    .contains("jdbc:postgresql://127.0.0.1");
        });
        embedded.run(context -> {
            Secrets secrets = context.getBean(Secrets.class);
            assertThat(context.getBean(Announcement.class).text(1))
                    .doesNotContain(secrets.demoApiKey().orElseThrow())
                    .doesNotContain(secrets.operatorPassword().orElseThrow())
                    .contains(directory.resolve("secrets.properties").toString());
        });
    }

    @Test
    void aGivenSecretIsNeverShown() {
        runner.withPropertyValues(TestDatabase.settings(TestDatabase.newDatabase()))
                .withPropertyValues(
                        "postrider.demo.api-key=given-demo",
                        "postrider.operator.api-key=given-key",
                        "postrider.operator.password=given-password")
                .run(context -> assertThat(context.getBean(Announcement.class).text(1))
                        .doesNotContain("given-", TestDatabase.ENCRYPTION_KEY)
                        .contains("http://localhost:8080/openapi.json", "http://localhost:8081/actuator/hawtio"));
    }

    @Test
    void aGivenSecretIsNotShownAtTheFirstStartEither() {
        runner.withPropertyValues("postrider.directory=" + directory, "postrider.operator.password=given-password")
                .run(context -> assertThat(context.getBean(Announcement.class).text(1))
                        .doesNotContain("given-password")
                        .contains(context.getBean(Secrets.class).demoApiKey().orElseThrow()));
    }

    @Test
    void withoutAPasswordItSaysThatHawtioIsClosed() {
        runner.withPropertyValues(TestDatabase.settings(TestDatabase.newDatabase()))
                .run(context -> assertThat(context.getBean(Announcement.class).text(1))
                        .contains("closed until postrider.operator.password is given"));
    }
}
