package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import java.util.stream.Stream;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** Provides the database that the settings name, once it has answered. */
@Configuration(proxyBeanMethods = false)
@Conditional(OwnDatabaseConfiguration.Url.class)
@EnableConfigurationProperties(DatabaseSettings.class)
public class OwnDatabaseConfiguration {

    /** Asks for the secrets only so that a missing encryption key is reported before anything connects. */
    @Bean
    DatabaseLocation databaseLocation(DatabaseSettings settings, Secrets secrets) {
        String directUrl = settings.directUrl().isBlank() ? settings.url() : settings.directUrl();
        boolean derivesLogins = !Stream.of(
                        settings.owner(),
                        settings.tenant(),
                        settings.dispatcher(),
                        settings.operator(),
                        settings.analyst())
                .allMatch(DatabaseSettings.Login::given);
        String username = settings.username();
        String password = settings.password();
        if (username.isBlank() && !derivesLogins) {
            username = settings.owner().username();
            password = settings.owner().password();
        }
        // Only straight to PostgreSQL: this login does not pass a pooler, and those that do may not exist yet.
        String setting = settings.directUrl().isBlank() ? "postrider.database.url" : "postrider.database.direct-url";
        DatabaseCheck.verify(setting, directUrl, username, password, derivesLogins);
        return new DatabaseLocation(settings.url(), directUrl, settings.username(), settings.password(), false);
    }

    static final class Url implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return !new EmbeddedDatabaseConfiguration.NoUrl().matches(context, metadata);
        }
    }
}
