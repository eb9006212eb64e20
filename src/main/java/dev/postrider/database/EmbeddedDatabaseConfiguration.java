package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import java.nio.file.Path;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.ResourceLoader;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.util.StringUtils;

/** Provides the database where none is named: a server of Postrider's own, on a local folder. */
@Configuration(proxyBeanMethods = false)
@Conditional(EmbeddedDatabaseConfiguration.NoUrl.class)
@EnableConfigurationProperties(DatabaseSettings.class)
public class EmbeddedDatabaseConfiguration {

    /** Comes first: a build without a server must not leave a folder and secrets behind. */
    @Bean
    LocalFolder localFolder(@Value("${postrider.directory:.postrider}") Path directory, ResourceLoader resources) {
        if (!EmbeddedServer.isBundled(resources.getClassLoader())) {
            throw new StartupException(
                    "The setting postrider.database.url is missing, and this build of Postrider carries no database"
                            + " server of its own.",
                    "Give postrider.database.url, .username and .password (environment: POSTRIDER_DATABASE_URL,"
                            + " POSTRIDER_DATABASE_USERNAME, POSTRIDER_DATABASE_PASSWORD). To try Postrider without a"
                            + " database, run it from its sources with \"mvn spring-boot:run\", or build a jar with a"
                            + " server: \"mvn -Pembedded package\".");
        }
        return LocalFolder.open(directory);
    }

    /** Everything that uses the database depends on the location, so the context closes this server after it. */
    @Bean
    EmbeddedServer embeddedServer(LocalFolder folder, Secrets secrets, DatabaseSettings settings) {
        String password = secrets.embeddedDatabasePassword().orElseThrow();
        return EmbeddedServer.start(folder, settings.embeddedPort(), password, Map.of());
    }

    @Bean
    DatabaseLocation databaseLocation(EmbeddedServer server) {
        return server.location();
    }

    /** A blank URL counts as none: charts pass settings that nobody filled in. */
    static final class NoUrl implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return !StringUtils.hasText(context.getEnvironment().getProperty("postrider.database.url"));
        }
    }
}
