package dev.postrider.operations;

import dev.postrider.secrets.SecretsConfiguration;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.rest.openapi.springboot.RestOpenApiComponentAutoConfiguration;
import org.apache.camel.component.sql.springboot.SqlComponentAutoConfiguration;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.flyway.FlywayAutoConfiguration;
import org.springframework.boot.autoconfigure.jdbc.DataSourceAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.web.SecurityFilterChain;

/** The operators' port as in production, with one route and no database. */
@EnableAutoConfiguration(
        exclude = {
            DataSourceAutoConfiguration.class,
            FlywayAutoConfiguration.class,
            SqlComponentAutoConfiguration.class,
            RestOpenApiComponentAutoConfiguration.class
        })
@Import({ManagementSecurity.class, ConsolePermissions.class, SecretsConfiguration.class})
class ConsoleApplication {

    /** The public port, wide open: what the console guards must not lean on it. */
    @Bean
    SecurityFilterChain publicPort(HttpSecurity http) throws Exception {
        return http.csrf(AbstractHttpConfigurer::disable)
                .authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
                .build();
    }

    @Bean
    RouteBuilder someRoute() {
        return new RouteBuilder() {
            @Override
            public void configure() {
                from("seda:some").routeId("some-route").log("${body}");
            }
        };
    }

    /** The member of the health group analytics. */
    @Bean
    HealthIndicator replica() {
        return () -> Health.unknown().withDetail("error", "it is away").build();
    }

    /** The member of the health group books. */
    @Bean
    HealthIndicator booksHealthIndicator() {
        return () -> Health.up().build();
    }

    /** The member of the health group retention. */
    @Bean
    HealthIndicator retentionHealthIndicator() {
        return () -> Health.up().build();
    }

    /** The member of the health group tasks. */
    @Bean
    HealthIndicator queue() {
        return () -> Health.up().build();
    }
}
