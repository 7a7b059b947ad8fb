package eval

import (
	"math"
	"strconv"
)

// parseNumber reads a number as JavaScript's Number() does, because that is what the specification was written
// against: surrounding space is ignored, empty text is 0, hexadecimal, octal and binary prefixes count, and text that
// is no number gives NaN. It checks the syntax itself: strconv allocates an error for each bad text, and bad text is
// what a context often holds.
func parseNumber(text string) float64 {
	text = trimSpace(text)
	if text == "" {
		return 0
	}
	if n, ok := parseSmallInteger(text); ok {
		return n
	}
	if len(text) > 2 && text[0] == '0' {
		switch text[1] | 0x20 {
		case 'x':
			return parseRadix(text[2:], 16)
		case 'o':
			return parseRadix(text[2:], 8)
		case 'b':
			return parseRadix(text[2:], 2)
		}
	}
	digits, sign := text, 1
	if digits[0] == '+' || digits[0] == '-' {
		if digits[0] == '-' {
			sign = -1
		}
		digits = digits[1:]
	}
	if digits == "Infinity" {
		return math.Inf(sign)
	}
	magnitude, ok := scanDecimal(digits)
	switch {
	case !ok:
		return math.NaN()
	case magnitude > 309:
		return math.Inf(sign)
	}
	// The only error left is a range error just below 1e309, for which ParseFloat gives the infinity that JavaScript
	// gives. It is the one operand that costs an allocation.
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// parseSmallInteger is the fast path: plain digits, exactly representable.
func parseSmallInteger(text string) (float64, bool) {
	if len(text) > 15 {
		return 0, false
	}
	n := 0
	for i := range len(text) {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + int(digit)
	}
	return float64(n), true
}

func parseRadix(digits string, radix float64) float64 {
	n := 0.0
	for i := range len(digits) {
		var digit byte
		switch b := digits[i]; {
		case b >= '0' && b <= '9':
			digit = b - '0'
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			digit = b | 0x20 - 'a' + 10
		default:
			return math.NaN()
		}
		if float64(digit) >= radix {
			return math.NaN()
		}
		n = n*radix + float64(digit)
	}
	return n
}

// scanDecimal checks the form digits[.digits][e[+-]digits] and gives the decimal exponent of the first significant
// digit, counted as in 0.d1d2... x 10^magnitude.
func scanDecimal(s string) (magnitude int, ok bool) {
	i, digits, significant := 0, 0, false
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
		significant = significant || s[i] != '0'
		if significant {
			magnitude++
		}
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && isDigit(s[i]); i++ {
			digits++
			if significant = significant || s[i] != '0'; !significant {
				magnitude--
			}
		}
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		sign := 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			if s[i] == '-' {
				sign = -1
			}
			i++
		}
		start, exponent := i, 0
		for ; i < len(s) && isDigit(s[i]); i++ {
			if exponent < 1e9 { // far beyond any float; keeps the sum from overflowing
				exponent = exponent*10 + int(s[i]-'0')
			}
		}
		if i == start {
			return 0, false
		}
		magnitude += sign * exponent
	}
	if !significant {
		magnitude = 0
	}
	return magnitude, i == len(s)
}

func isDigit(b byte) bool {
	return b >= '0' && b <= '9'
}
