package dev.postrider.api;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.Limits;
import org.apache.catalina.Host;
import org.apache.catalina.core.StandardHost;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.access.intercept.AuthorizationFilter;
import org.springframework.security.web.firewall.RequestRejectedHandler;

/** Decides who may call what on the public port: the API with a key; webhooks prove themselves by their signatures. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(Limits.class)
public class ApiSecurity {

    /** What a request may hold besides its payload. */
    private static final int AROUND_THE_PAYLOAD = 16 * 1024;

    @Bean
    ProblemWriter problemWriter(ObjectMapper mapper) {
        return new ProblemWriter(mapper);
    }

    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE - 1)
    SecurityFilterChain apiSecurityChain(HttpSecurity http, ApiKeys keys, ProblemWriter problems, Limits limits)
            throws Exception {
        ApiKeyFilter.Sizes sizes = new ApiKeyFilter.Sizes((int) limits.payload().toBytes() + AROUND_THE_PAYLOAD, (int)
                limits.batch().toBytes());
        return stateless(http.securityMatcher("/v1/**"))
                .addFilterBefore(new ApiKeyFilter(keys, problems, sizes), AuthorizationFilter.class)
                .build();
    }

    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE)
    SecurityFilterChain publicSecurityChain(HttpSecurity http) throws Exception {
        return stateless(http).build();
    }

    /** What the firewall in front of all chains refuses, such as a method that nobody knows. */
    @Bean
    RequestRejectedHandler requestRejectedHandler(ProblemWriter problems) {
        return (request, response, reason) -> problems.write(
                Problem.of(400, "The method, path or headers of the request are not allowed."), response);
    }

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> problemsOfTheServer(ProblemWriter problems) {
        return factory -> factory.addContextCustomizers(context -> {
            Host host = (Host) context.getParent();
            ((StandardHost) host).setErrorReportValveClass(ServerProblems.class.getName());
            host.getPipeline().addValve(new ServerProblems(problems));
        });
    }

    private static HttpSecurity stateless(HttpSecurity http) throws Exception {
        return http.sessionManagement(session -> session.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
                .csrf(AbstractHttpConfigurer::disable)
                .requestCache(AbstractHttpConfigurer::disable)
                .logout(AbstractHttpConfigurer::disable)
                .authorizeHttpRequests(requests -> requests.anyRequest().permitAll());
    }
}
