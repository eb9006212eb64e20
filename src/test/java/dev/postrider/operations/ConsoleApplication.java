package dev.postrider.operations;

import dev.postrider.api.ApiSecurity;
import dev.postrider.secrets.SecretsConfiguration;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.sql.springboot.SqlComponentAutoConfiguration;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.flyway.FlywayAutoConfiguration;
import org.springframework.boot.autoconfigure.jdbc.DataSourceAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/** The operators' port as in production, with one route and no database. */
@SpringBootConfiguration
@EnableAutoConfiguration(
        exclude = {DataSourceAutoConfiguration.class, FlywayAutoConfiguration.class, SqlComponentAutoConfiguration.class
        })
@Import({ManagementSecurity.class, ConsolePermissions.class, SecretsConfiguration.class, ApiSecurity.class})
class ConsoleApplication {

    @Bean
    RouteBuilder someRoute() {
        return new RouteBuilder() {
            @Override
            public void configure() {
                from("seda:some").routeId("some-route").log("${body}");
            }
        };
    }
}
