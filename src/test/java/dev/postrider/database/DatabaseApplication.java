package dev.postrider.database;

import dev.postrider.secrets.SecretsConfiguration;
import jakarta.annotation.PostConstruct;
import jakarta.annotation.PreDestroy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/** The smallest application with a database: it writes a row when it starts and another one as it ends. */
@Import({EmbeddedDatabaseConfiguration.class, OwnDatabaseConfiguration.class, SecretsConfiguration.class})
class DatabaseApplication {

    /** Runs until it is told to stop; writes READY when it is. */
    public static void main(String[] arguments) throws InterruptedException {
        application().run(arguments);
        System.out.println("READY");
        Thread.currentThread().join();
    }

    static SpringApplication application() {
        return new SpringApplicationBuilder(DatabaseApplication.class)
                .web(WebApplicationType.NONE)
                .build();
    }

    @Bean
    Diary diary(DatabaseLocation location) {
        return new Diary(location);
    }

    /** Needs the database to the very end, like a task that is still finishing. */
    static final class Diary {

        private final DatabaseLocation location;

        Diary(DatabaseLocation location) {
            this.location = location;
        }

        @PostConstruct
        void started() throws SQLException {
            write("started");
        }

        @PreDestroy
        void ended() throws SQLException {
            write("ended");
        }

        private void write(String entry) throws SQLException {
            try (Connection connection =
                            DriverManager.getConnection(location.url(), location.username(), location.password());
                    Statement statement = connection.createStatement()) {
                statement.execute("create table if not exists diary (entry text)");
                statement.execute("insert into diary values ('" + entry + "')");
            }
        }
    }
}
